// The picture as a document: new, another size, cropped, flipped and turned.

import { emptyPicture, indexOf, isInside, setColour, setTemperature } from "./picture.js";
import { CHANGES, boxOf } from "./selection.js";

export const LEAST_SIDE = 8;

export function filledPicture(width, height, colour) {
  const picture = emptyPicture(width, height);
  for (let i = 0; i < width * height; i++) setColour(picture, i, colour);
  return picture;
}

// The part of the picture in a box, which may reach beyond the picture; nothing is selected.
function partOf(picture, { x, y, width, height }) {
  const made = emptyPicture(width, height);
  for (let j = 0; j < height; j++) for (let i = 0; i < width; i++) {
    const at = [x + i, y + j];
    if (!isInside(picture, at)) continue;
    const from = indexOf(picture, at), to = indexOf(made, [i, j]);
    made.pixels.set(picture.pixels.subarray(from * 4, from * 4 + 4), to * 4);
    made.mask[to] = picture.mask[from];
    if (picture.temperature) setTemperature(made, to, picture.temperature[from]);
  }
  return made;
}

// Another size. The anchor is where the picture stays: [0, 0] top left, [0.5, 0.5] middle, [1, 1] bottom right.
export function resized(picture, width, height, [anchorX, anchorY]) {
  const x = Math.floor((picture.width - width) * anchorX), y = Math.floor((picture.height - height) * anchorY);
  return partOf(picture, { x, y, width, height });
}

export const cropped = (picture) => partOf(picture, boxOf(picture));

// The whole picture, flipped or turned (a name of CHANGES), with its mask and temperature.
export function changedPicture(picture, change) {
  const { temperature } = picture, turned = (cells) => CHANGES[change]({ ...picture, x: 0, y: 0, cells });
  const { width, height, pixels, cells } = turned(picture.mask);
  return { width, height, pixels, mask: cells, selection: null, temperature: temperature && turned(temperature).cells };
}
