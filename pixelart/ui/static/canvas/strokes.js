// Applies the chosen tool when the pointer or a key is pressed.

import { brushCells, lineBetween } from "./brush.js";
import { copyOf } from "./picture.js";
import { toolOfPress } from "./tools.js";

export const BUSY = "The model is drawing. Press Stop first.";

// Applies a tool's `paint` to all pixels that the brush covers between two places.
export function paintLine(picture, tool, brush, from, to) {
  for (const at of lineBetween(from, to)) {
    for (const index of brushCells(picture, at, brush.size, brush.mirror)) tool.paint(picture, index, brush);
  }
}

export class Strokes {
  stroke = null;       // {tool, last: cell, before: picture, byKey}
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
    if (tool.paint) this.#begin(tool, this.#startOfLine(event, tool, at), at, byKey);
    else if (tool.apply) canvas.edit((picture) => tool.apply(picture, at, canvas.brush));
    else tool.press(canvas, at, byKey);
  }

  #startOfLine({ shiftKey }, tool, at) {
    return shiftKey && !tool.masks && this.lastPoint && this.canvas.isInside(this.lastPoint) ? this.lastPoint : at;
  }

  #begin(tool, from, at, byKey) {
    const { canvas } = this;
    if (tool.masks && !canvas.view.maskFilled) canvas.view.setMaskFilled(true);
    this.stroke = { tool, last: from, before: copyOf(canvas.picture), byKey };
    this.moveTo(at);
  }

  moveTo(at) {
    const { canvas, stroke } = this;
    if (!stroke) return;
    paintLine(canvas.picture, stroke.tool, canvas.brush, stroke.last, at);
    stroke.last = at;
    canvas.view.refresh();
  }

  end() {
    if (!this.stroke) return;
    const { before, tool, last } = this.stroke;
    this.stroke = null;
    if (!tool.masks) this.lastPoint = last;
    this.canvas.addStep(before);
    this.canvas.view.refresh();
  }

  // Undoes the stroke in progress.
  cancel() {
    if (!this.stroke) return;
    this.canvas.picture = this.stroke.before;
    this.stroke = null;
    this.canvas.view.refresh();
  }
}
