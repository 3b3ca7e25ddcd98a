// The exact pixels of a PNG of 8-bit RGBA, as Python writes half-transparent pictures: a browser's decoder multiplies
// their colours by alpha and back, which changes them.

import { chunksOf, isPng, sizeOf } from "../past/png.js";

const FORMAT = [8, 6, 0, 0, 0];    // of the header, after the size: bits, RGBA, deflate, filters, not interlaced
const MOST_PIXELS = 2 ** 24;

// What each filter adds to a byte, from the same channel of the pixels to the left, above, and above to the left.
const FILTERS = [() => 0, (left) => left, (left, above) => above, (left, above) => (left + above) >> 1, nearest];

// The one of the three that is nearest to left + above - corner; by the PNG standard, the first of equal ones.
function nearest(left, above, corner) {
  const [a, b, c] = [left, above, corner].map((one) => Math.abs(left + above - corner - one));
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

async function inflated(parts) {
  const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function unfiltered(lines, width, height) {
  const length = 4 * width, pixels = new Uint8Array(length * height);
  for (let y = 0, from = 0, i = 0; y < height; y++) {
    const added = FILTERS[lines[from++]];
    for (let x = 0; x < length; x++, i++) {
      const left = x < 4 ? 0 : pixels[i - 4], above = y ? pixels[i - length] : 0;
      pixels[i] = lines[from++] + added(left, above, x < 4 || !y ? 0 : pixels[i - length - 4]);
    }
  }
  return new Uint8ClampedArray(pixels.buffer);
}

// {width, height, pixels}, or null for any other file. Rejects a damaged one, and where the browser cannot inflate.
export async function exactPixels(bytes) {
  const [width, height] = sizeOf(bytes), isKnown = isPng(bytes) && FORMAT.every((value, i) => bytes[24 + i] === value);
  if (!isKnown || width * height > MOST_PIXELS) return null;
  const data = [...chunksOf(bytes)].filter(([kind]) => kind === "IDAT").map(([, part]) => part);
  return { width, height, pixels: unfiltered(await inflated(data), width, height) };
}
