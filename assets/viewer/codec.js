// How arrays travel: deflated, and numbers of several bytes in planes.

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Numbers of several bytes come as planes, all lowest bytes first: so they compress better.
function joined(planes, Kind) {
  const count = planes.length / Kind.BYTES_PER_ELEMENT;
  const numbers = new Kind(count);
  for (let plane = 0; plane < Kind.BYTES_PER_ELEMENT; plane++) {
    const from = plane * count;
    const shift = 8 * plane;
    for (let index = 0; index < count; index++) numbers[index] |= planes[from + index] << shift;
  }
  return numbers;
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
