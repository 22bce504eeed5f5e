// @ts-check
// How arrays travel: deflated, and numbers of several bytes in planes. studio/predict/viewer.py writes what is read here.

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Join numbers of several bytes, which come as planes, all lowest bytes first: so they compress better.
 * @template {Uint16Array | Uint32Array} Numbers
 * @param {Uint8Array} planes
 * @param {{ new (count: number): Numbers, BYTES_PER_ELEMENT: number }} Kind
 * @returns {Numbers}
 */
export function joined(planes, Kind) {
  const count = planes.length / Kind.BYTES_PER_ELEMENT;
  const numbers = new Kind(count);
  for (let plane = 0; plane < Kind.BYTES_PER_ELEMENT; plane++) {
    const from = plane * count;
    const shift = 8 * plane;
    for (let index = 0; index < count; index++) numbers[index] |= planes[from + index] << shift;
  }
  return numbers;
}

/** @param {string} text */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/**
 * Read a scene, or a part of one: the length of a JSON header, the header, and the parts that it names.
 * @param {Uint8Array<ArrayBuffer>} blob
 * @param {(jpeg: Uint8Array) => Promise<Uint8ClampedArray>} decoded Gives a JPEG's pixels, four bytes each.
 * @returns {Promise<Record<string, any>>} The header, with each part's array under its name.
 */
export async function readScene(blob, decoded) {
  const view = new DataView(blob.buffer, blob.byteOffset);
  const length = view.getUint32(0, true);
  const scene = JSON.parse(new TextDecoder().decode(blob.subarray(4, 4 + length)));
  let start = 4 + length;
  for (const part of scene.parts) {
    const bytes = blob.subarray(start, start + part.bytes);
    start += part.bytes;
    scene[part.name] = part.name === "picture" ? await decoded(bytes) : await inflated(bytes);
  }
  scene.levels = joined(scene.levels, Uint16Array);
  if (scene.labels) scene.labels = joined(scene.labels, Uint32Array);
  if (scene.picture) Object.assign(scene, { image: scene.picture, channels: 4, picture: null });
  return scene;
}
