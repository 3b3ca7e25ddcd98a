// Selected pixels: 0 or 1 a pixel, and pieces that are cut out of a picture. A piece is {x, y, width, height, pixels,
// cells}: RGBA bytes, and 0 or 1 a pixel for those that belong to it.

import { areaOf, coveredBy } from "./brush.js";
import { copyOf, indexOf, isInside } from "./picture.js";
import { rectangleSpans } from "./shapes.js";

// What a press does to the selection: Shift adds, Alt subtracts.
export const modeOf = ({ shiftKey, altKey }) => (altKey ? "subtract" : shiftKey ? "add" : "replace");

export const isSelected = ({ selection }, index) => Boolean(selection?.[index]);

export const everything = ({ width, height }) => new Uint8Array(width * height).fill(1);

// `before` (or null) with other cells; null if nothing is left.
export function combined(before, cells, mode) {
  const made = mode === "replace" || !before ? new Uint8Array(cells.length) : before.slice();
  if (mode !== "subtract" || before) cells.forEach((on, i) => { if (on) made[i] = Number(mode !== "subtract"); });
  return made.includes(1) ? made : null;
}

export const cellsInBox = (picture, from, to) => coveredBy(picture, rectangleSpans(from, to));

// The connected area of one colour around `at`.
export function cellsOfColour(picture, at) {
  const cells = new Uint8Array(picture.width * picture.height);
  for (const index of areaOf(picture, at)) cells[index] = 1;
  return cells;
}

// The smallest box around the selected pixels, {x, y, width, height}; without a selection, the whole picture.
export function boxOf({ width, height, selection }) {
  if (!selection) return { x: 0, y: 0, width, height };
  let left = width, right = -1, top = -1, bottom = -1;
  for (let y = 0; y < height; y++) {
    const row = selection.subarray(y * width, (y + 1) * width), first = row.indexOf(1);
    if (first < 0) continue;
    left = Math.min(left, first);
    right = Math.max(right, row.lastIndexOf(1));
    if (top < 0) top = y;
    bottom = y;
  }
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

function emptyPiece(x, y, width, height) {
  const size = width * height;
  return { x, y, width, height, pixels: new Uint8ClampedArray(size * 4), cells: new Uint8Array(size) };
}

function copyCell(from, fromIndex, to, toIndex) {
  for (let c = 0; c < 4; c++) to[toIndex * 4 + c] = from[fromIndex * 4 + c];
}

// The selected pixels; without a selection, all.
export function pieceOf(picture) {
  const { x, y, width, height } = boxOf(picture), piece = emptyPiece(x, y, width, height);
  for (let j = 0; j < height; j++) for (let i = 0; i < width; i++) {
    const from = indexOf(picture, [x + i, y + j]), to = j * width + i;
    if (picture.selection && !picture.selection[from]) continue;
    piece.cells[to] = 1;
    copyCell(picture.pixels, from, piece.pixels, to);
  }
  return piece;
}

// The picture with the selected pixels made transparent; without a selection, all.
export function withoutSelected(picture) {
  const made = copyOf(picture), { selection } = picture;
  for (let i = 0; i < made.mask.length; i++) if (!selection || selection[i]) made.pixels.fill(0, i * 4, i * 4 + 4);
  return made;
}

// The picture with a piece on it, selected. Transparent pixels of the piece cover nothing.
export function withPiece(picture, piece) {
  const made = copyOf(picture), selection = new Uint8Array(made.mask.length);
  for (let j = 0; j < piece.height; j++) for (let i = 0; i < piece.width; i++) {
    const from = j * piece.width + i, at = [piece.x + i, piece.y + j];
    if (!piece.cells[from] || !isInside(made, at)) continue;
    const to = indexOf(made, at);
    selection[to] = 1;
    if (piece.pixels[from * 4 + 3]) copyCell(piece.pixels, from, made.pixels, to);
  }
  made.selection = selection;
  return made;
}

// A piece whose pixel (x, y) comes from `source(x, y)` of another.
function rearranged(piece, { x, y, width, height }, source) {
  const made = emptyPiece(x, y, width, height);
  for (let j = 0; j < height; j++) for (let i = 0; i < width; i++) {
    const [fromX, fromY] = source(i, j), from = fromY * piece.width + fromX, to = j * width + i;
    made.cells[to] = piece.cells[from];
    copyCell(piece.pixels, from, made.pixels, to);
  }
  return made;
}

// Turned around its middle by quarters. Towards 0, so that four turns lead back.
function quarter(piece, source) {
  const { width, height } = piece, shift = Math.trunc((width - height) / 2);
  return rearranged(piece, { x: piece.x + shift, y: piece.y - shift, width: height, height: width }, source);
}

export const CHANGES = {
  flipX: (piece) => rearranged(piece, piece, (x, y) => [piece.width - 1 - x, y]),
  flipY: (piece) => rearranged(piece, piece, (x, y) => [x, piece.height - 1 - y]),
  right: (piece) => quarter(piece, (x, y) => [y, piece.height - 1 - x]),
  left: (piece) => quarter(piece, (x, y) => [piece.width - 1 - y, x]),
};
