// The model's window on a picture larger than the model draws: the part that Complete sees, if the whole mask lies in
// it. Python has the same rules (engine/windows.py) and draws a mask that reaches outside in overlapping windows.

import { boxOf } from "./selection.js";

// What the mask must leave free at each side of a window that nobody has placed.
const marginOf = (side) => Math.max(1, side >> 3);

// Whether Complete fits a picture to the model's size, because the page draws none as large, not even in windows.
const isFitted = ({ width, height }, { longest }) => Math.max(width, height) > longest;

// [width, height] of the windows over a picture, or null if it is drawn at once or fitted. `model`: {size, largest,
// longest}, the size of its pictures, the largest that it draws at once, and the longest side of one drawn in windows.
export function windowSizeFor(picture, model) {
  const { width, height } = picture, { size, largest } = model, isFree = largest[0] > size[0], [w, h] = size;
  if ((width <= largest[0] && height <= largest[1]) || isFitted(picture, model)) return null;
  if (isFree) return [Math.min(width, w), Math.min(height, h)];
  return width < w || height < h ? null : size;
}

const within = (place, length, room) => Math.max(0, Math.min(place, room - length));

// The corner of the window around the middle of a box.
function around(box, [w, h]) {
  const middle = (start, length, side) => Math.floor((2 * start + length - side) / 2);
  return [middle(box.x, box.width, w), middle(box.y, box.height, h)];
}

// {x, y, width, height, isUsed, text}: the window, whether Complete uses exactly this one, and a line that says so.
// `placed`: its corner [x, y] as the artist chose it, or null: it then follows the mask. null if there is no window.
export function shownWindow(picture, model, placed) {
  const size = model && windowSizeFor(picture, model);
  if (!size) return null;
  const [width, height] = size, isMasked = picture.mask.includes(1);
  const box = boxOf({ ...picture, selection: isMasked ? picture.mask : null });
  const [left, top] = placed || around(box, size);
  const x = within(left, width, picture.width), y = within(top, height, picture.height);
  const isInside = box.x >= x && box.y >= y && box.x + box.width <= x + width && box.y + box.height <= y + height;
  const hasRoom = box.width <= width - 2 * marginOf(width) && box.height <= height - 2 * marginOf(height);
  const isUsed = isMasked && isInside && (placed !== null || hasRoom);
  return { x, y, width, height, isUsed, text: textOf({ x, y, width, height, isUsed, isMasked }) };
}

function textOf({ x, y, width, height, isUsed, isMasked }) {
  const place = `${width} x ${height} at ${x}, ${y}`;
  if (!isMasked) return `Model's window: ${place}`;
  return isUsed ? `Complete uses this window: ${place}` : "The mask is not inside the window: Complete uses several, overlapping";
}

// Whether a value of the browser's storage is a corner.
export const isCorner = (value) =>
  Array.isArray(value) && value.length === 2 && value.every((place) => Number.isInteger(place) && place >= 0);

export class ModelWindow {
  model = null;     // {size, largest, longest}, see windowSizeFor
  placed = null;    // [x, y], or null: it follows the mask
  #grip = null;     // while it is dragged: from its corner to the pointer
  #before = null;   // `placed` before the drag

  constructor(canvas) {
    this.canvas = canvas;
  }

  get shown() { return this.canvas.picture && shownWindow(this.canvas.picture, this.model, this.placed); }

  // What Complete does with a picture that the model does not draw at once, or "". `shown`: its window, or null.
  lineFor(shown) {
    const { model, canvas: { picture } } = this;
    if (shown) return shown.text;
    if (!picture || !model || !isFitted(picture, model)) return "";
    return `Larger than ${model.longest} pixels: Complete fits this picture to ${model.size.join(" x ")}`;
  }

  // The corner [top, left] that Python gets, or null.
  placeFor(picture) {
    const shown = shownWindow(picture, this.model, this.placed);
    return shown?.isUsed ? [shown.y, shown.x] : null;
  }

  // A press inside drags it; a press elsewhere brings its middle there.
  press([x, y], byKey) {
    const { shown } = this;
    if (!shown) return this.canvas.say(this.lineFor(null) || "The model draws this picture at once, without a window.");
    const isInside = x >= shown.x && y >= shown.y && x < shown.x + shown.width && y < shown.y + shown.height;
    this.#before = this.placed;
    this.#grip = isInside && !byKey ? [x - shown.x, y - shown.y] : [shown.width >> 1, shown.height >> 1];
    this.point([x, y]);
    if (byKey) this.release();
  }

  point([x, y]) {
    if (this.#grip) this.#moveTo(x - this.#grip[0], y - this.#grip[1]);
  }

  release() {
    if (!this.#grip) return;
    this.#grip = null;
    this.canvas.exchange.publish();
  }

  // Undoes the drag in progress.
  cancel() {
    if (!this.#grip) return;
    this.#grip = null;
    this.placed = this.#before;
    this.canvas.view.drawOverlay();
  }

  moveBy(dx, dy) {
    const { shown } = this;
    if (!shown) return;
    this.#moveTo(shown.x + dx, shown.y + dy);
    this.canvas.exchange.publish();
  }

  // Lets it follow the mask again.
  free() {
    this.placed = null;
    this.canvas.exchange.publish();
    this.canvas.view.drawOverlay();
  }

  #moveTo(x, y) {
    const { picture, view } = this.canvas, { width, height } = this.shown;
    this.placed = [within(x, width, picture.width), within(y, height, picture.height)];
    view.drawOverlay();
  }
}
