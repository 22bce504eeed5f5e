// Draws a scene (image, levels, classes) and the label map on the graphics card. A look says what is shown, and how.

import { NEGATIVE_COLOR, POSITIVE_COLOR } from "./marker.js";

const EMPTY = new Uint32Array(1);
const ONE = new Uint8Array([1]);
const BLACK = new Uint8Array(1);
const ZERO = new Uint16Array(1);

const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0;
  gl_Position = vec4(corner, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
const int NEGATIVE = ${NEGATIVE_COLOR}, POSITIVE = ${POSITIVE_COLOR};

uniform sampler2D image, detailImage;
uniform usampler2D levels, labels, classes, detailLevels, detailLabels, flags;
uniform sampler2D heat, colors;
uniform vec2 canvas;     // pixels of the screen
uniform vec4 view;       // left, top in pixels of the picture; pixels of the screen for one of them; width of a rim on the screen
uniform vec2 size;       // of the picture, in its pixels
uniform vec4 detail;     // left, top, width, height of what is known in full, in pixels of the picture; width 0: nothing
uniform uint cut;        // the highest level that is not above the threshold
uniform uint selected;
uniform bool fresh;      // whether the label maps belong to this threshold
uniform bool detailFresh;
uniform bvec4 layers;    // fill, outline, heat, objects
uniform float opacity;
uniform float wipe;      // in pixels of the screen: left of it, the image alone
uniform vec2 adjust;     // brightness and contrast
uniform int filtered;
uniform vec3 background;
out vec4 result;

struct Found { uint level, label, kind; };

bool inDetail(vec2 at) {
  return detail.z > 0.0 && all(greaterThanEqual(at, detail.xy)) && all(lessThan(at, detail.xy + detail.zw));
}

ivec2 placeOf(vec2 at, usampler2D map, bool near) {
  ivec2 whole = textureSize(map, 0);
  vec2 share = near ? (at - detail.xy) / detail.zw : at / size;
  return clamp(ivec2(share * vec2(whole)), ivec2(0), whole - 1);
}

// What was found at a place; level 0 is turned into "label 0" where the threshold decides.
Found find(vec2 at) {
  bool near = inDetail(at);
  Found found;
  found.level = near ? texelFetch(detailLevels, placeOf(at, detailLevels, true), 0).r
                     : texelFetch(levels, placeOf(at, levels, false), 0).r;
  bool decided = near ? detailFresh : fresh;
  uint label = near ? texelFetch(detailLabels, placeOf(at, detailLabels, true), 0).r
                    : texelFetch(labels, placeOf(at, labels, false), 0).r;
  found.label = decided ? label : uint(found.level > cut);
  found.kind = texelFetch(classes, placeOf(at, classes, false), 0).r;
  return found;
}

uint labelAt(vec2 place) {
  vec2 at = clamp(place, vec2(0.0), size - 0.001);
  if (detail.z > 0.0 && inDetail(at)) return find(at).label;
  if (fresh) return texelFetch(labels, placeOf(at, labels, false), 0).r;
  return uint(texelFetch(levels, placeOf(at, levels, false), 0).r > cut);
}

void main() {
  vec2 screen = vec2(gl_FragCoord.x, canvas.y - gl_FragCoord.y);
  vec2 at = view.xy + screen / view.z;
  if (any(lessThan(at, vec2(0.0))) || any(greaterThanEqual(at, size))) {
    result = vec4(background, 1.0);
    return;
  }
  bool near = inDetail(at);
  vec3 base = near ? texture(detailImage, (at - detail.xy) / detail.zw).rgb : texture(image, at / size).rgb;
  base = clamp((base - 0.5) * adjust.y + 0.5 + adjust.x, 0.0, 1.0);
  result = vec4(base, 1.0);
  if (screen.x < wipe) return;

  Found here = find(at);
  bool inside = here.label > 0u;
  bool decided = near ? detailFresh : fresh;
  uint flag = 1u;
  if (inside && decided && filtered > 0) {
    flag = texelFetch(flags, ivec2(int(here.label) % filtered, int(here.label) / filtered), 0).r;
  }
  bool faint = (flag & 1u) == 0u;
  bool chosen = decided && selected > 0u && here.label == selected;
  float strength = opacity * (faint ? 0.25 : selected > 0u && decided && !chosen ? 0.5 : 1.0);
  int hue = (flag & 2u) == 0u ? int(max(here.kind, 1u) - 1u) % 7 : (flag & 4u) == 0u ? NEGATIVE : POSITIVE;
  vec3 color = texelFetch(colors, ivec2(hue, 0), 0).rgb;

  vec3 seen = base;
  if (layers.z) seen = texture(heat, vec2((float(here.level) / 65535.0 * 255.0 + 0.5) / 256.0, 0.5)).rgb;
  if (inside && layers.w && decided) {
    vec3 own = texelFetch(colors, ivec2(7 + int(here.label - 1u) % 21, 0), 0).rgb;
    seen = mix(seen, own, faint ? 0.25 : max(strength, 0.25));
  } else if (inside && layers.x && !layers.z) {
    seen = mix(seen, color, strength);
  }
  float step = view.w / view.z;
  if (inside && (layers.y || chosen)) {
    float wide = chosen ? 2.0 * step : step;
    bool rim = labelAt(at + vec2(wide, 0.0)) != here.label || labelAt(at - vec2(wide, 0.0)) != here.label
            || labelAt(at + vec2(0.0, wide)) != here.label || labelAt(at - vec2(0.0, wide)) != here.label;
    if (rim) seen = chosen ? vec3(1.0) : layers.z ? mix(seen, vec3(1.0), faint ? 0.3 : 1.0) : mix(seen, color, faint ? 0.4 : 1.0);
  }
  result = vec4(seen, 1.0);
}`;

export class CardPainter {
  static open(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, preserveDrawingBuffer: true });
    return gl && new CardPainter(gl, canvas);
  }

  constructor(gl, canvas) {
    this.gl = gl;
    this.canvas = canvas;
    this.textures = {};
    this.lost = false;
    canvas.addEventListener("webglcontextlost", () => (this.lost = true));
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.places = {};
    for (let index = 0; index < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); index++) {
      const { name } = gl.getActiveUniform(program, index);
      this.places[name] = gl.getUniformLocation(program, name);
    }
    ["image", "levels", "labels", "classes", "heat", "colors", "flags", "detailImage", "detailLevels", "detailLabels"].forEach(
      (name, unit) => {
        this.textures[name] = { unit, texture: gl.createTexture(), from: undefined };
        gl.uniform1i(this.places[name], unit);
      },
    );
  }

  // Bring an array to the card, unless it is there already.
  load(name, array, width, height, kind) {
    const { gl } = this;
    const place = this.textures[name];
    if (place.from === array && array) return;
    place.from = array;
    gl.activeTexture(gl.TEXTURE0 + place.unit);
    gl.bindTexture(gl.TEXTURE_2D, place.texture);
    const forms = {
      grey: [gl.LUMINANCE, gl.LUMINANCE, gl.UNSIGNED_BYTE],
      rgb: [gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE],
      rgba: [gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE],
      byte: [gl.R8UI, gl.RED_INTEGER, gl.UNSIGNED_BYTE],
      level: [gl.R16UI, gl.RED_INTEGER, gl.UNSIGNED_SHORT],
      label: [gl.R32UI, gl.RED_INTEGER, gl.UNSIGNED_INT],
    };
    const [inside, format, type] = forms[kind];
    const pixels = array instanceof Uint8ClampedArray ? new Uint8Array(array.buffer) : array;
    gl.texImage2D(gl.TEXTURE_2D, 0, inside, width, height, 0, format, type, pixels);
    const picture = kind === "grey" || kind === "rgb" || kind === "rgba";
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    if (picture && name.toLowerCase().endsWith("image")) {
      gl.generateMipmap(gl.TEXTURE_2D);
    } else {
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    }
  }

  // Bring the rows of a label map that were changed.
  renew({ labels, width, top, bottom }) {
    const { gl } = this;
    for (const { from, unit } of [this.textures.labels, this.textures.detailLabels]) {
      if (from !== labels || bottom <= top) continue;
      gl.activeTexture(gl.TEXTURE0 + unit);
      const rows = labels.subarray(top * width, bottom * width);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, top, width, bottom - top, gl.RED_INTEGER, gl.UNSIGNED_INT, rows);
    }
  }

  sharpen(name, sharp) {
    const { gl } = this;
    const place = this.textures[name];
    if (place.sharp === sharp && place.sharpFor === place.from) return;
    Object.assign(place, { sharp, sharpFor: place.from });
    gl.activeTexture(gl.TEXTURE0 + place.unit);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, sharp ? gl.NEAREST : gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
  }

  paint(scene, found, look) {
    const { gl, places, canvas } = this;
    const [height, width] = scene.shown;
    const forms = { 1: "grey", 3: "rgb", 4: "rgba" };
    for (const change of look.changes) this.renew(change);
    this.load("image", scene.image, width, height, forms[scene.channels]);
    this.load("levels", scene.levels, width, height, "level");
    this.load("labels", found.labels ?? EMPTY, ...(found.labels ? [width, height] : [1, 1]), "label");
    this.load("classes", scene.classes ?? ONE, ...(scene.classes ? [width, height] : [1, 1]), "byte");
    this.load("heat", look.heat, 256, 1, "rgb");
    this.load("colors", look.colors, 28, 1, "rgb");
    const { flags, flagsWidth } = found;
    this.load("flags", flags ?? ONE, ...(flags ? [flagsWidth, flags.length / flagsWidth] : [1, 1]), "byte");
    const near = look.detail;
    const [tall, wide] = near ? near.shown : [1, 1];
    this.load("detailImage", near ? near.image : BLACK, wide, tall, near ? forms[near.channels] : "grey");
    this.load("detailLevels", near ? near.levels : ZERO, wide, tall, "level");
    this.load("detailLabels", near?.labels ?? EMPTY, ...(near?.labels ? [wide, tall] : [1, 1]), "label");
    for (const name of ["image", "detailImage"]) this.sharpen(name, look.sharp);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.uniform2f(places.canvas, canvas.width, canvas.height);
    gl.uniform4f(places.view, look.left, look.top, look.scale, look.rim);
    gl.uniform2f(places.size, width, height);
    gl.uniform4f(places.detail, ...(near ? near.place : [0, 0, 0, 0]));
    gl.uniform1ui(places.cut, look.cut);
    gl.uniform1ui(places.selected, look.selected ?? 0);
    gl.uniform1i(places.fresh, look.fresh ? 1 : 0);
    gl.uniform1i(places.detailFresh, look.detailFresh ? 1 : 0);
    gl.uniform4i(places.layers, ...["fill", "outline", "heat", "objects"].map((name) => (look.layers[name] ? 1 : 0)));
    gl.uniform1f(places.opacity, look.opacity);
    gl.uniform1f(places.wipe, look.wipe === null ? -1 : look.wipe * canvas.width);
    gl.uniform2f(places.adjust, look.brightness, look.contrast);
    gl.uniform1i(places.filtered, flags ? flagsWidth : 0);
    gl.uniform3f(places.background, ...look.background);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}
