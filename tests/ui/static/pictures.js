// Small pictures as text: what the tests draw on. "." is transparent, a letter is a colour.

import { CLEAR, colourAt, emptyPicture, setColour } from "../../../pixelart/ui/static/canvas/picture.js";

export const COLOURS = { ".": CLEAR, r: [255, 0, 0, 255], g: [0, 255, 0, 255], b: [0, 0, 255, 255] };

export function pictureFrom(...rows) {
  const picture = emptyPicture(rows[0].length, rows.length);
  [...rows.join("")].forEach((letter, i) => setColour(picture, i, COLOURS[letter]));
  return picture;
}

const letterOf = (colour) => Object.keys(COLOURS).find((letter) => COLOURS[letter].join() === colour.join()) || "?";

export function rowsOf(picture) {
  return range(picture.height).map((y) => range(picture.width).map((x) => letterOf(colourAt(picture, [x, y]))).join(""));
}

export function maskRows({ width, height, mask }) {
  return range(height).map((y) => [...mask.slice(y * width, (y + 1) * width)].join(""));
}

const range = (length) => [...Array(length).keys()];
