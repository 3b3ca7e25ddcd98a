// The mask of a picture: which pixels the model repaints.

import { indexOf } from "./picture.js";

export const isMasked = (picture, at) => picture.mask[indexOf(picture, at)] === 1;

export const hasMask = (picture) => picture.mask.includes(1);

export function invertMask(picture) {
  picture.mask = picture.mask.map((v) => 1 - v);
}

export function clearMask(picture) {
  picture.mask.fill(0);
}

// Calls onCell(x, y) for each masked pixel, and onEdge(ax, ay, bx, by) for each side that borders an unmasked one.
export function visitMask({ width, height, mask }, onCell, onEdge) {
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    if (!at(x, y)) continue;
    onCell(x, y);
    if (!at(x, y - 1)) onEdge(x, y, x + 1, y);
    if (!at(x, y + 1)) onEdge(x, y + 1, x + 1, y + 1);
    if (!at(x - 1, y)) onEdge(x, y, x, y + 1);
    if (!at(x + 1, y)) onEdge(x + 1, y, x + 1, y + 1);
  }
}
