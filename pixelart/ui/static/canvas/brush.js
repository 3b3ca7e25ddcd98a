// Which pixels a brush, a line or a fill covers. A span is [x, y, length]: pixels in a row.

import { indexOf, isInside } from "./picture.js";

// The place in the picture of a place in the tiles around it.
export function wrapped({ width, height }, [x, y]) {
  return [((x % width) + width) % width, ((y % height) + height) % height];
}

// The bytes 0 or 1 of the pixels that a square brush covers along the spans; mirrored pixels too. `tiled`: what leaves
// the picture at one edge enters at the opposite one.
export function coveredBy(picture, spans, { size = 1, mirror = false, mirrorY = false, tiled = false } = {}) {
  const { width, height } = picture, covered = new Uint8Array(width * height), offset = (size - 1) >> 1;
  for (const [x, y, length] of spans) for (let j = y - offset; j < y - offset + size; j++) {
    coverRow(picture, covered, x - offset, j, length + size - 1, tiled);
  }
  if (mirror) addMirrored(picture, covered, true);
  if (mirrorY) addMirrored(picture, covered, false);
  return covered;
}

function coverRow({ width, height }, covered, x, y, length, tiled) {
  const fill = (row, start, end) => {
    if (row >= 0 && row < height && start < end) covered.fill(1, row * width + start, row * width + end);
  };
  if (!tiled) return fill(y, Math.max(0, x), Math.min(width, x + length));
  const [start, row] = wrapped({ width, height }, [x, y]), end = start + Math.min(length, width);
  fill(row, start, Math.min(width, end));
  fill(row, 0, end - width);
}

function addMirrored({ width, height }, covered, sideways) {
  const before = covered.slice();
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    if (!before[y * width + x]) continue;
    covered[sideways ? y * width + width - 1 - x : (height - 1 - y) * width + x] = 1;
  }
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

// A number for the colour of each pixel; all transparent pixels have 0.
export function coloursOf({ width, height, pixels }) {
  const colours = new Uint32Array(width * height);
  for (let i = 0, p = 0; i < colours.length; i++, p += 4) {
    if (pixels[p + 3]) colours[i] = pixels[p] | (pixels[p + 1] << 8) | (pixels[p + 2] << 16) | (pixels[p + 3] << 24);
  }
  return colours;
}

// The indices of the area of one colour around `at`, connected by edges.
export function areaOf(picture, at) {
  if (!isInside(picture, at)) return [];
  const { width } = picture, colours = coloursOf(picture), start = indexOf(picture, at), wanted = colours[start];
  const seen = new Uint8Array(colours.length), found = new Uint32Array(colours.length);
  let count = 0;
  const visit = (index) => {
    if (seen[index] || colours[index] !== wanted) return;
    seen[index] = 1;
    found[count++] = index;
  };
  visit(start);
  for (let next = 0; next < count; next++) {
    const index = found[next], x = index % width;
    if (x > 0) visit(index - 1);
    if (x < width - 1) visit(index + 1);
    if (index >= width) visit(index - width);
    if (index + width < colours.length) visit(index + width);
  }
  return found.subarray(0, count);
}
