// Lines, rectangles and ellipses as spans [x, y, length], between two places.

import { lineBetween } from "./brush.js";

export const lineSpans = (from, to) => lineBetween(from, to).map(([x, y]) => [x, y, 1]);

// The end nearest to `to` that makes a square box.
export function squareEnd([x, y], [endX, endY]) {
  const side = Math.max(Math.abs(endX - x), Math.abs(endY - y));
  return [x + (endX < x ? -side : side), y + (endY < y ? -side : side)];
}

// The end nearest to `to` that makes a line in one of eight directions.
export function straightEnd([x, y], [endX, endY]) {
  const dx = Math.abs(endX - x), dy = Math.abs(endY - y);
  if (2 * dy < dx) return [endX, y];
  if (2 * dx < dy) return [x, endY];
  return squareEnd([x, y], [endX, endY]);
}

const boxOf = ([ax, ay], [bx, by]) =>
  ({ left: Math.min(ax, bx), top: Math.min(ay, by), right: Math.max(ax, bx), bottom: Math.max(ay, by) });

export function rectangleSpans(from, to, { filled = true } = {}) {
  const { left, top, right, bottom } = boxOf(from, to), spans = [], width = right - left + 1;
  for (let y = top; y <= bottom; y++) {
    if (filled || y === top || y === bottom) spans.push([left, y, width]);
    else spans.push([left, y, 1], [right, y, 1]);
  }
  return spans;
}

export function ellipseSpans(from, to, { filled = false } = {}) {
  const cells = ellipseOutline(boxOf(from, to));
  return filled ? rowsBetween(cells) : cells.map(([x, y]) => [x, y, 1]);
}

// From the first to the last pixel of each row.
function rowsBetween(cells) {
  const rows = new Map();
  for (const [x, y] of cells) {
    const [first, last] = rows.get(y) || [x, x];
    rows.set(y, [Math.min(first, x), Math.max(last, x)]);
  }
  return [...rows].map(([y, [first, last]]) => [first, y, last - first + 1]);
}

// The outline of the ellipse that fills a box, as Zingl's algorithm draws it: each error is that of the next pixel.
function ellipseOutline({ left, top, right, bottom }) {
  const width = right - left, height = bottom - top, odd = height & 1, cells = [];
  let stepX = 4 * (1 - width) * height * height, stepY = 4 * (odd + 1) * width * width;
  let error = stepX + stepY + odd * width * width, low = top + ((height + 1) >> 1), high = low - odd;
  const addX = 8 * height * height, addY = 8 * width * width;
  do {
    cells.push([right, low], [left, low], [left, high], [right, high]);
    const twice = 2 * error;
    if (twice <= stepY) { low += 1; high -= 1; error += stepY += addY; }
    if (twice >= stepX || 2 * error > stepY) { left += 1; right -= 1; error += stepX += addX; }
  } while (left <= right);
  while (low - high <= height) {    // a flat ellipse ends early
    cells.push([left - 1, low], [right + 1, low], [left - 1, high], [right + 1, high]);
    low += 1;
    high -= 1;
  }
  return cells.filter(([, y]) => y >= top && y <= bottom);
}
