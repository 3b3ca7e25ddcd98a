// What an imported picture becomes: pixels are copied, never mixed, and only "fit" leaves some out.

import { resized } from "./documents.js";
import { emptyPicture } from "./picture.js";

const LARGEST = 256;    // longest side of a picture that is opened as it is without a second thought

// `picture` sampled at the columns `xs` and the rows `ys`.
function sampled(picture, xs, ys) {
  const made = emptyPicture(xs.length, ys.length);
  ys.forEach((y, j) => xs.forEach((x, i) => {
    const from = (y * picture.width + x) * 4;
    made.pixels.set(picture.pixels.subarray(from, from + 4), (j * xs.length + i) * 4);
  }));
  return made;
}

const range = (length, make = (i) => i) => Array.from({ length }, (_, i) => make(i));

// Where the cells of a grid start along a side; the first may be cut off.
function cellStarts(side, start, factor) {
  const starts = range(Math.ceil((side - start) / factor), (i) => start + i * factor);
  return start > 0 ? [0, ...starts] : starts;
}

// One pixel for each cell of the grid {factor, top, left} that Python found.
export const onGrid = (picture, { factor, top, left }) =>
  sampled(picture, cellStarts(picture.width, left, factor), cellStarts(picture.height, top, factor));

// The whole picture inside another size, centred: enlarged by a whole factor, or shrunk by leaving pixels out.
export function fitted(picture, width, height) {
  const { width: w, height: h } = picture, times = Math.floor(Math.min(width / w, height / h));
  const share = times >= 1 ? times : Math.min(width / w, height / h);
  const [across, down] = [w, h].map((side) => Math.max(1, Math.floor(side * share + 1e-9)));
  const places = (side, length) => range(length, (i) => Math.floor(((i + 0.5) * side) / length));
  const small = sampled(picture, places(w, across), places(h, down));
  return resized(small, width, height, [0.5, 0.5]);
}

// The boxes {x, y, width, height} of the whole cells of a sheet, row by row.
export function cellsOf(sheet, { width, height, margin = 0, spacing = 0 }) {
  const count = (side, cell) => Math.max(0, Math.floor((side - margin + spacing) / (cell + spacing)));
  const columns = range(count(sheet.width, width), (i) => margin + i * (width + spacing));
  const rows = range(count(sheet.height, height), (i) => margin + i * (height + spacing));
  return rows.flatMap((y) => columns.map((x) => ({ x, y, width, height })));
}

const partOf = (sheet, { x, y, width, height }) =>
  sampled(sheet, range(width, (i) => x + i), range(height, (i) => y + i));
const isVisible = ({ pixels }) => pixels.some((value, i) => i % 4 === 3 && value);

// The pictures of the cells of a sheet; fully transparent ones are left out.
export const cutSheet = (sheet, cells) => cellsOf(sheet, cells).map((box) => partOf(sheet, box)).filter(isVisible);

// Whether a picture can only mean one thing: it has the size of the document, or of the model if nothing is drawn yet.
export function isPlain(picture, now, modelSize) {
  const has = ([width, height]) => picture.width === width && picture.height === height;
  if (!now || has([now.width, now.height])) return true;
  return has(modelSize) && !isVisible(now) && !now.mask.includes(1);
}

// The choice that the dialog starts with.
export function firstChoice(picture, grid) {
  if (grid.factor > 1) return "grid";
  return Math.max(picture.width, picture.height) <= LARGEST ? "open" : "cut";
}

// Values of the dialog's form: numbers by name, each at least `least[name]` and at most `most`.
export const CHOICES = {
  open: (picture) => [picture],
  grid: (picture, _, grid) => [onGrid(picture, grid)],
  crop: (picture, { width, height }) => [resized(picture, width, height, [0.5, 0.5])],
  fit: (picture, { width, height }) => [fitted(picture, width, height)],
  cut: (picture, { cellWidth: width, cellHeight: height, margin, spacing }) =>
    cutSheet(picture, { width, height, margin, spacing }),
  place: (picture) => [picture],
};
