// Applies the chosen tool when the pointer or a key is pressed.

import { coveredBy, wrapped } from "./brush.js";
import { copyOf, indexOf, isInside, sameCell } from "./picture.js";
import { combined, isSelected, modeOf } from "./selection.js";
import { lineSpans } from "./shapes.js";
import { toolOfPress } from "./tools.js";

export const BUSY = "The model is drawing. Press Stop first.";

// Applies a tool's `paint` to all pixels that the brush covers along spans.
export function paintSpans(picture, tool, brush, spans) {
  const covered = coveredBy(picture, spans, brush);
  for (let i = covered.indexOf(1); i >= 0; i = covered.indexOf(1, i + 1)) tool.paint(picture, i, brush);
}

export const paintLine = (picture, tool, brush, from, to) => paintSpans(picture, tool, brush, lineSpans(from, to));

// A copy of `before` with the shape that a drag makes.
export function withShape(before, tool, brush, from, to, { shiftKey } = {}) {
  const picture = copyOf(before), end = shiftKey && tool.bound ? tool.bound(from, to) : to;
  paintSpans(picture, tool, brush, tool.shape(from, end, brush));
  return picture;
}

// `before` with the selection that a drag makes. A press without a drag, outside the selection, selects nothing.
export function withSelection(before, tool, from, to, mode) {
  const isClick = sameCell(from, to) && tool.select.length > 2 && mode === "replace" && before.selection;
  const cells = tool.select(before, from, to);
  return { ...copyOf(before), selection: isClick ? null : combined(before.selection, cells, mode) };
}

export class Strokes {
  // {tool, from, last: cell, before: picture, mode: see modeOf, move: of floating pixels, byKey}; or {tool, waitsAt: a
  // place}: a finger, with a tool that acts at once
  stroke = null;
  lastPoint = null;    // where the last stroke on pixels ended: Shift draws a line from there

  constructor(canvas) {
    this.canvas = canvas;
  }

  get isOpen() { return this.stroke !== null; }
  get isByKey() { return Boolean(this.stroke?.byKey); }

  // Starts a press at a place; `byKey`: by Space or Enter.
  press(event, at, byKey = false) {
    const { canvas } = this, tool = toolOfPress(canvas.tools, canvas.tool, event);
    if (canvas.isBusy) return canvas.say(BUSY);
    if (tool.selects && this.#isOnSelection(event, at)) this.#beginMove(at, byKey);
    else if (tool.paint || tool.select) this.#begin(event, tool, at, byKey);
    else if (event.pointerType === "touch" && !tool.release) this.stroke = { tool, waitsAt: at };
    else this.#act(tool, at, byKey);
  }

  // Applies a tool that acts at once. By touch that waits until the finger leaves: a second one may make it a gesture.
  #act(tool, at, byKey) {
    const { canvas } = this, place = canvas.brush.tiled ? wrapped(canvas.picture, at) : at;
    if (tool.apply) canvas.edit((picture) => tool.apply(picture, place, canvas.brush));
    else tool.press(canvas, place, byKey);
  }

  #isOnSelection(event, at) {
    const { picture } = this.canvas;
    return modeOf(event) === "replace" && isInside(picture, at) && isSelected(picture, indexOf(picture, at));
  }

  #startOfLine({ shiftKey }, tool, at) {
    const continues = shiftKey && !tool.masks && !tool.shape && !tool.selects && this.lastPoint;
    return continues && this.canvas.isInside(this.lastPoint) ? this.lastPoint : at;
  }

  #begin(event, tool, at, byKey) {
    const { canvas } = this, from = this.#startOfLine(event, tool, at);
    canvas.floating.putDown();
    if (tool.group === "mask" && !canvas.view.maskFilled) canvas.view.setMaskFilled(true);
    this.stroke = { tool, from, last: from, before: copyOf(canvas.picture), mode: modeOf(event), byKey };
    this.moveTo(at);
  }

  #beginMove(at, byKey) {
    const { floating, picture, tool } = this.canvas;
    this.stroke = { tool, from: at, last: at, before: picture, move: floating.at, byKey };
  }

  moveTo(at, keys = {}) {
    const { canvas, stroke } = this;
    if (!stroke || stroke.waitsAt) return;
    const { tool, before, from } = stroke;
    if (stroke.mode === undefined) this.#move(at);
    else if (tool.select) canvas.picture = withSelection(before, tool, from, at, stroke.mode);
    else if (tool.shape) canvas.picture = withShape(before, tool, canvas.brush, from, at, keys);
    else paintLine(canvas.picture, tool, canvas.brush, stroke.last, at);
    stroke.last = at;
    canvas.view.refresh();
  }

  // Shift was pressed or released.
  bend(keys) {
    if (this.stroke?.tool.bound) this.moveTo(this.stroke.last, keys);
  }

  #move(at) {
    const { stroke } = this, { floating } = this.canvas;
    if (sameCell(at, stroke.last)) return;
    floating.moveBy(at[0] - stroke.last[0], at[1] - stroke.last[1]);
  }

  end() {
    if (!this.stroke) return;
    const { before, tool, last, mode, waitsAt } = this.stroke;
    this.stroke = null;
    if (waitsAt) return this.#act(tool, waitsAt, false);
    if (mode === undefined) return this.canvas.exchange.publish();
    if (!tool.masks && !tool.selects) this.lastPoint = last;
    this.canvas.addStep(before);
    this.canvas.view.refresh();
  }

  // Undoes the stroke in progress.
  cancel() {
    if (!this.stroke) return;
    const { before, mode, move, waitsAt } = this.stroke, { canvas } = this;
    this.stroke = null;
    if (waitsAt) return;
    if (mode !== undefined) canvas.picture = before;
    else if (move) canvas.floating.moveTo(move);
    else if (canvas.floating.isOpen) canvas.floating.cancel();
    canvas.view.refresh();
  }
}
