// Keys anywhere on the page, and a cursor that paints while the stage has keyboard focus.

import { chordOf, entryOfKey } from "./buttons.js";
import { hexOf } from "./colours.js";
import { isMasked } from "./mask.js";
import { showPosition } from "./overlay.js";
import { PLAIN, colourAt, indexOf, middleOf } from "./picture.js";
import { stepOf, temperatureAt } from "./temperature.js";

const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
const LEAP = 8;
const CURSOR_HELP = "Arrow keys move (Shift: by 8). Space paints; hold it to draw a line.";

export const isTyping = (target) =>
  Boolean(target.closest?.("input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable=true]"));

// Menus and dialogs have their own keys.
const isInPanel = (target) => Boolean(target.closest?.("dialog, [popover]"));

// Whether Ctrl+C means text of the page and not the picture.
const isCopyingText = (stage) => document.activeElement !== stage && String(document.getSelection()) !== "";

// Whether Space is the canvas's: with the pointer on it, unless the Tab key has led to another control.
const takesSpace = (stage, target) =>
  target === stage || (stage.matches(":hover") && !target.matches?.(":focus-visible"));

export function listenToKeys(canvas) {
  const keyboard = new Keyboard(canvas), { stage } = canvas;
  canvas.onPage("keydown", (event) => keyboard.down(event));
  canvas.onPage("keyup", (event) => keyboard.up(event));
  stage.addEventListener("focus", () => keyboard.focus());
  stage.addEventListener("blur", () => keyboard.blur());
}

class Keyboard {
  constructor(canvas) {
    this.canvas = canvas;
  }

  down(event) {
    const { canvas } = this, { picture, isShown, strokes, stage } = canvas;
    if (!picture || !isShown || isTyping(event.target) || isInPanel(event.target) || this.#onStage(event)) return;
    if (event.key === "Escape" && strokes.isOpen) strokes.cancel();
    else if (event.key === "Shift") strokes.bend(event);
    else if (event.key === " " && takesSpace(stage, event.target)) {
      event.preventDefault();
      canvas.isSpaceHeld = true;
    } else this.#pressEntry(event, chordOf(event));
  }

  // The tool or command of a key.
  #pressEntry(event, chord) {
    const { canvas } = this, { tools, commands, stage } = canvas;
    if (canvas.tool.onKey?.(canvas, chord)) return;
    const entry = entryOfKey([...tools, ...commands], chord);
    if (!entry || entry.byEvent || (entry.copies && isCopyingText(stage))) return;
    event.preventDefault();
    if (entry.run) entry.run(canvas);
    else canvas.press(entry.name);
  }

  up(event) {
    const { key } = event;
    if (key === "Shift") this.canvas.strokes.bend(event);
    if (key === " ") this.canvas.isSpaceHeld = false;
    if (key === " " || key === "Enter") this.#endStroke();
  }

  focus() {
    const { canvas } = this;
    if (!canvas.picture || canvas.isPointerDown || !canvas.stage.matches(":focus-visible")) return;
    this.#showCursor(middleOf(canvas.picture));
    canvas.say(CURSOR_HELP);
  }

  blur() {
    this.#endStroke();
    this.canvas.cursor = null;
    this.canvas.view.drawCursor();
  }

  // Handles keys that apply only to the focused stage; returns whether this was one.
  #onStage(event) {
    const { canvas } = this, { cursor, strokes } = canvas, key = event.key.toLowerCase();
    if (event.target !== canvas.stage || event.ctrlKey || event.metaKey) return false;
    if (ARROWS[key]) this.#pressArrow(ARROWS[key], event);
    else if (key === "enter" && !cursor) this.#showCursor(middleOf(canvas.picture));
    else if ((key === " " || key === "enter") && cursor) {
      if (!event.repeat && !strokes.isOpen) strokes.press(event, cursor, true);
    } else return false;
    event.preventDefault();
    return true;
  }

  // Arrows move what the tool moves, or the selection where one is and the tool selects; else the cursor.
  #pressArrow([dx, dy], event) {
    const { canvas } = this, { picture, tool, strokes, floating } = canvas;
    const step = event.shiftKey && !strokes.isOpen ? LEAP : 1;
    if (tool.move) return tool.move(canvas, dx * step, dy * step);
    if (!tool.selects || !picture.selection || !canvas.canEdit) return this.#moveCursor([dx, dy], step, event);
    floating.moveBy(dx * step, dy * step);
    canvas.exchange.publish();
  }

  #moveCursor([dx, dy], step, keys) {
    const { canvas } = this, { picture, strokes } = canvas, [x, y] = canvas.cursor || canvas.hover || middleOf(picture);
    const within = (v, length) => Math.min(length - 1, Math.max(0, v));
    this.#showCursor([within(x + dx * step, picture.width), within(y + dy * step, picture.height)]);
    if (strokes.isOpen) strokes.moveTo(canvas.cursor, keys);
  }

  #showCursor(at) {
    const { canvas } = this;
    canvas.cursor = at;
    canvas.hover = null;
    canvas.view.showCell(at);
    this.#tellCursor();
    canvas.tool.point?.(canvas, at);
    canvas.view.drawCursor();
  }

  // Shows the place of the cursor, and has screen readers read the pixel out.
  #tellCursor() {
    const { cursor, picture } = this.canvas, place = cursor.join(", "), colour = colourAt(picture, cursor);
    const step = stepOf(temperatureAt(picture, indexOf(picture, cursor)));
    showPosition(this.canvas, place);
    this.canvas.$(".spoken").textContent =
      [
        place, colour[3] ? "#" + hexOf(colour) : "transparent", isMasked(picture, cursor) ? "masked" : "",
        step.percent === PLAIN ? "" : step.word,
      ].filter(Boolean).join(", ");
  }

  #endStroke() {
    const { canvas } = this;
    if (!canvas.strokes.isByKey) return;
    canvas.strokes.end();
    if (canvas.cursor) this.#tellCursor();
  }
}
