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
 * @param {number} [count] How many there are; the highest planes may then be missing, which are nothing.
 * @returns {Numbers}
 */
export function joined(planes, Kind, count = planes.length / Kind.BYTES_PER_ELEMENT) {
  const numbers = new Kind(count);
  const step = Kind.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(numbers.buffer); // the lowest first, as wherever there is a browser
  for (let plane = 0; plane * count < planes.length; plane++) {
    const from = plane * count;
    for (let index = 0; index < count; index++) bytes[index * step + plane] = planes[from + index];
  }
  return numbers;
}

/** @param {string} text */
export function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = letters.charCodeAt(index);
  return bytes;
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
