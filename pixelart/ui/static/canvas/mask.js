// The mask of a picture: which pixels the model repaints.

import { coloursOf } from "./brush.js";
import { indexOf } from "./picture.js";

const VISIBLE = 128;    // alpha

export const isMasked = (picture, at) => picture.mask[indexOf(picture, at)] === 1;

export const hasMask = (picture) => picture.mask.includes(1);

export function invertMask(picture) {
  picture.mask = picture.mask.map((v) => 1 - v);
}

export function clearMask(picture) {
  picture.mask.fill(0);
}

// Masks the selected pixels and no others.
export function maskSelection(picture) {
  if (picture.selection) picture.mask = picture.selection.slice();
}

// Masks all pixels of a colour and no others; within the selection, if there is one.
export function maskColour(picture, [r, g, b, alpha]) {
  const wanted = alpha ? (r | (g << 8) | (b << 16) | (alpha << 24)) >>> 0 : 0, { selection } = picture;
  picture.mask = picture.mask.slice().fill(0);
  coloursOf(picture).forEach((colour, i) => {
    if (colour === wanted && (!selection || selection[i])) picture.mask[i] = 1;
  });
}

// Masks the visible pixels of another picture of this size and no others.
export function maskVisible(picture, pixels) {
  picture.mask = picture.mask.map((_, i) => Number(pixels[4 * i + 3] >= VISIBLE));
}

// Masks the neighbours of masked pixels too.
export function growMask(picture) {
  const { width, mask } = picture, grown = mask.slice();
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    const x = i % width;
    if (x > 0) grown[i - 1] = 1;
    if (x < width - 1) grown[i + 1] = 1;
    if (i >= width) grown[i - width] = 1;
    if (i + width < mask.length) grown[i + width] = 1;
  }
  picture.mask = grown;
}

// Unmasks the pixels at the border of the mask; the edge of the picture is no border.
export function shrinkMask(picture) {
  invertMask(picture);
  growMask(picture);
  invertMask(picture);
}

// The mask as RGBA bytes: white is masked, black is not.
export function maskPixels({ mask }) {
  const pixels = new Uint8ClampedArray(mask.length * 4);
  mask.forEach((on, i) => pixels.set([on * 255, on * 255, on * 255, 255], i * 4));
  return pixels;
}

// A mask from RGBA bytes: light, opaque pixels are masked.
export function maskFromPixels(pixels) {
  return Uint8Array.from({ length: pixels.length / 4 }, (_, i) => {
    const [r, g, b, alpha] = pixels.subarray(i * 4, i * 4 + 4);
    return Number((r + g + b) * alpha >= 3 * 128 * 255);
  });
}

// Calls onRun(x, y, length) for each run of ones in a row, and onEdge(ax, ay, bx, by) for each side that borders a
// zero.
export function visitCells({ width, height }, bits, onRun, onEdge) {
  for (let y = 0, i = 0; y < height; y++) for (let x = 0, start = 0; x < width; x++, i++) {
    if (!bits[i]) continue;
    if (x === 0 || !bits[i - 1]) { start = x; onEdge(x, y, x, y + 1); }
    if (x === width - 1 || !bits[i + 1]) { onEdge(x + 1, y, x + 1, y + 1); onRun(start, y, x + 1 - start); }
    if (y === 0 || !bits[i - width]) onEdge(x, y, x + 1, y);
    if (y === height - 1 || !bits[i + width]) onEdge(x, y + 1, x + 1, y + 1);
  }
}
