// @ts-check
// Reads what studio/inside/wire.py packs: the length of a JSON header, the header, and the arrays that it names.

const KINDS = { u1: Uint8Array, u2: Uint16Array, f4: Float32Array };

/**
 * @param {Uint8Array} blob
 * @returns {Promise<Record<string, any>>} The header, with each array, flat, under its name in `arrays`.
 */
export async function unpacked(blob) {
  const length = new DataView(blob.buffer, blob.byteOffset).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(blob.subarray(4, 4 + length)));
  const arrays = {};
  let start = 4 + length;
  for (const { name, type, shape, bytes } of about.arrays) {
    const stream = new Blob([blob.slice(start, start + bytes)]).stream();
    const whole = await new Response(stream.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
    arrays[name] = { values: new KINDS[type](whole), shape };
    start += bytes;
  }
  return { ...about, arrays };
}
