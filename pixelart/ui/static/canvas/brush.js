// Which pixels a brush, a line or a fill covers.

import { colourAt, indexOf, isInside } from "./picture.js";

// The indices under a square brush around `at`; with `mirror`, also their mirror images.
export function brushCells(picture, [x, y], size = 1, mirror = false) {
  const offset = (size - 1) >> 1, found = [];
  const add = (at) => { if (isInside(picture, at)) found.push(indexOf(picture, at)); };
  for (let j = y - offset; j < y - offset + size; j++) for (let i = x - offset; i < x - offset + size; i++) {
    add([i, j]);
    if (mirror) add([picture.width - 1 - i, j]);
  }
  return found;
}

// Bresenham's line: no gaps, even if the pointer reports rarely.
export function lineBetween([x, y], [endX, endY]) {
  const dx = Math.abs(endX - x), dy = -Math.abs(endY - y), sx = x < endX ? 1 : -1, sy = y < endY ? 1 : -1;
  const cells = [];
  for (let error = dx + dy; ;) {
    cells.push([x, y]);
    if (x === endX && y === endY) return cells;
    const twice = 2 * error;
    if (twice >= dy) { error += dy; x += sx; }
    if (twice <= dx) { error += dx; y += sy; }
  }
}

// The indices of the area of one colour around `at`, connected by edges.
export function areaOf(picture, at) {
  if (!isInside(picture, at)) return [];
  const key = (cell) => colourAt(picture, cell).join(), from = key(at);
  const seen = new Uint8Array(picture.width * picture.height), open = [at], found = [];
  while (open.length) {
    const cell = open.pop(), [x, y] = cell;
    if (!isInside(picture, cell)) continue;
    const index = indexOf(picture, cell);
    if (seen[index] || key(cell) !== from) continue;
    seen[index] = 1;
    found.push(index);
    open.push([x + 1, y], [x - 1, y], [x, y + 1], [x, y - 1]);
  }
  return found;
}
