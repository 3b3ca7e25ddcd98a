// Fingers on the canvas: a second one undoes what the first has done, and leaves all undo and redo steps. Pen and palm.

import assert from "node:assert/strict";
import test from "node:test";

import { Floating } from "../../../pixelart/ui/static/canvas/floating.js";
import { History } from "../../../pixelart/ui/static/canvas/history.js";
import { copyOf, isInside, samePicture } from "../../../pixelart/ui/static/canvas/picture.js";
import { listenToPointer } from "../../../pixelart/ui/static/canvas/pointer.js";
import { Strokes } from "../../../pixelart/ui/static/canvas/strokes.js";
import { TOOLS, toolNamed } from "../../../pixelart/ui/static/canvas/tools.js";
import { ModelWindow } from "../../../pixelart/ui/static/canvas/window.js";
import { COLOURS, pictureFrom, rowsOf } from "./pictures.js";

const CELL = 10;    // CSS pixels

// What the pointer uses of a canvas; one pixel is CELL wide.
function canvasOf(picture, toolName) {
  const stage = new EventTarget();
  Object.assign(stage, { setPointerCapture() {}, getBoundingClientRect: () => ({ left: 0, top: 0 }) });
  const canvas = {
    picture, stage, history: new History(), tools: TOOLS, tool: toolNamed(TOOLS, toolName), canEdit: true,
    brush: { colour: COLOURS.r, size: 1, percent: 100 }, exchange: { publish() {} }, focusByPointer() {},
    view: {
      refresh() {}, drawCursor() {}, drawOverlay() {}, setMaskFilled() {}, maskFilled: true, position: { cell: CELL },
      cellAt: ({ clientX, clientY }) => [Math.floor(clientX / CELL), Math.floor(clientY / CELL)],
    },
    isInside: (at) => isInside(canvas.picture, at),
    addStep(before) { if (!samePicture(before, this.picture)) this.history.add(before); },
    edit(change) {
      const before = copyOf(this.picture);
      change(this.picture);
      this.addStep(before);
    },
    undo() { this.picture = this.history.undo(this.picture) || this.picture; },
    redo() { this.picture = this.history.redo(this.picture) || this.picture; },
    $: () => ({ firstChild: {} }), picked: [], pick: (at) => canvas.picked.push(at), say() {},
  };
  canvas.floating = new Floating(canvas);
  canvas.strokes = new Strokes(canvas);
  canvas.modelWindow = new ModelWindow(canvas);
  canvas.modelWindow.model = { size: [2, 2], largest: [2, 2], longest: 99 };
  listenToPointer(canvas);
  return canvas;
}

function point(canvas, pointerType, type, pointerId, [x, y], time = 10) {
  const event = new Event(type, { cancelable: true });
  const at = { clientX: x * CELL + 1, clientY: y * CELL + 1 };
  Object.defineProperty(event, "timeStamp", { value: time });
  canvas.stage.dispatchEvent(Object.assign(event, { pointerId, pointerType, button: 0, ...at }));
}

const finger = (canvas, ...event) => point(canvas, "touch", ...event);
const down = (canvas, id, at) => finger(canvas, "pointerdown", id, at);
const tap = (canvas) => [1, 2].forEach((id) => finger(canvas, "pointerup", id, [2, id], 100));

// Red pasted at the left; the two fingers touch at its right.
function pasted() {
  const canvas = canvasOf(pictureFrom("...", "...", "..."), "select");
  canvas.history.add(pictureFrom("bbb", "bbb", "bbb"));
  canvas.floating.paste({ ...pictureFrom("r"), x: 0, y: 0, cells: Uint8Array.of(1) });
  down(canvas, 1, [2, 1]);
  down(canvas, 2, [2, 2]);
  return canvas;
}

test("a pinch puts floating pixels down and leaves them", () => {
  const canvas = pasted();
  assert.deepEqual([rowsOf(canvas.picture), canvas.floating.isOpen], [["r..", "...", "..."], false]);
  assert.equal(canvas.history.undoSteps.length, 2);
});

test("a tap with two fingers undoes one step, also of floating pixels", () => {
  const canvas = pasted();
  tap(canvas);
  assert.deepEqual([rowsOf(canvas.picture), canvas.history.undoSteps.length], [["...", "...", "..."], 1]);
});

for (const name of ["pencil", "fill", "rectangle"]) {
  test(`a second finger undoes what the first has done with the tool ${name}`, () => {
    const canvas = canvasOf(pictureFrom("...", "...", "..."), name);
    down(canvas, 1, [2, 1]);
    down(canvas, 2, [2, 2]);
    assert.deepEqual([rowsOf(canvas.picture), canvas.history.undoSteps.length], [["...", "...", "..."], 0]);
  });
}

function tapWith(canvas, fingers) {
  const ids = Array.from({ length: fingers }, (_, i) => i + 1);
  ids.forEach((id) => down(canvas, id, [id - 1, 1]));
  ids.forEach((id) => finger(canvas, "pointerup", id, [id - 1, 1], 100));
}

for (const name of TOOLS.map((tool) => tool.name).filter((one) => one !== "inspect")) {
  test(`with the tool ${name}, three fingers redo what two have undone`, () => {
    const canvas = canvasOf(pictureFrom("bbb", "bbb", "bbb"), name);
    canvas.history.add(pictureFrom("...", "...", "..."));
    canvas.history.add(pictureFrom("ggg", "ggg", "ggg"));
    tapWith(canvas, 2);
    tapWith(canvas, 2);
    assert.deepEqual([rowsOf(canvas.picture)[0], canvas.history.redoSteps.length], ["...", 2]);
    tapWith(canvas, 3);
    tapWith(canvas, 3);
    assert.deepEqual([rowsOf(canvas.picture)[0], canvas.history.undoSteps.length], ["bbb", 2]);
    assert.deepEqual([canvas.picked, canvas.modelWindow.placed], [[], null]);
  });
}

test("fill and pick act when the only finger leaves, at the place that it touched; with the mouse at once", () => {
  for (const [name, leaves] of [["fill", "pointerup"], ["pick", "pointerup"], ["fill", "pointercancel"], ["pick", "pointercancel"]]) {
    const canvas = canvasOf(pictureFrom("b.b"), name), acts = leaves === "pointerup";
    down(canvas, 1, [1, 0]);
    finger(canvas, "pointermove", 1, [2, 0]);
    assert.deepEqual([rowsOf(canvas.picture), canvas.picked], [["b.b"], []]);
    finger(canvas, leaves, 1, [2, 0]);
    assert.deepEqual(rowsOf(canvas.picture), [acts && name === "fill" ? "brb" : "b.b"]);
    assert.deepEqual(canvas.picked, acts && name === "pick" ? [[1, 0]] : []);
  }
  const canvas = canvasOf(pictureFrom("b.b"), "fill");
  point(canvas, "mouse", "pointerdown", 1, [1, 0]);
  assert.deepEqual(rowsOf(canvas.picture), ["brb"]);
});

test("a second finger brings the model's window back", () => {
  const canvas = canvasOf(pictureFrom("....", "....", "....", "...."), "window");
  for (const placed of [null, [2, 0]]) {
    canvas.modelWindow.placed = placed;
    down(canvas, 1, [0, 3]);
    assert.deepEqual(canvas.modelWindow.placed, [0, 2]);
    down(canvas, 2, [2, 2]);
    assert.deepEqual(canvas.modelWindow.placed, placed);
    tap(canvas);
  }
});

// A pen at the top of a white picture, and a palm, whose number is 7, at its bottom.
const BLANK = ["....", "....", "....", "...."];
const pen = (canvas, ...event) => point(canvas, "pen", ...event);
const palm = (canvas, type, at) => finger(canvas, type, 7, at);

test("a palm changes nothing of the pen's stroke", () => {
  const canvas = canvasOf(pictureFrom(...BLANK), "pencil");
  pen(canvas, "pointerdown", 1, [0, 0]);
  palm(canvas, "pointerdown", [3, 3]);
  down(canvas, 8, [0, 3]);
  palm(canvas, "pointermove", [2, 3]);
  palm(canvas, "pointerup", [2, 3]);
  pen(canvas, "pointermove", 1, [2, 0]);
  pen(canvas, "pointerup", 1, [2, 0]);
  finger(canvas, "pointermove", 8, [0, 2]);
  assert.deepEqual([rowsOf(canvas.picture), canvas.history.undoSteps.length], [["rrr.", ...BLANK.slice(1)], 1]);
});

test("a pen paints although a palm rests, which paints nothing", () => {
  for (const name of ["pencil", "fill", "select"]) {
    const canvas = canvasOf(pictureFrom(...BLANK), name);
    palm(canvas, "pointerdown", [3, 3]);
    palm(canvas, "pointermove", [2, 3]);
    canvas.tool = toolNamed(TOOLS, "pencil");
    pen(canvas, "pointerdown", 1, [0, 0]);
    palm(canvas, "pointermove", [1, 3]);
    pen(canvas, "pointermove", 1, [1, 0]);
    palm(canvas, "pointerup", [1, 3]);
    pen(canvas, "pointermove", 1, [2, 0]);
    pen(canvas, "pointerup", 1, [2, 0]);
    assert.deepEqual([rowsOf(canvas.picture), canvas.history.undoSteps.length], [["rrr.", ...BLANK.slice(1)], 1], name);
  }
});

test("once the pen has left, fingers paint again, and two of them are a gesture", () => {
  const canvas = canvasOf(pictureFrom(...BLANK), "pencil");
  palm(canvas, "pointerdown", [3, 3]);
  pen(canvas, "pointerdown", 1, [0, 0]);
  pen(canvas, "pointerup", 1, [0, 0]);
  palm(canvas, "pointermove", [0, 3]);
  down(canvas, 2, [1, 1]);
  finger(canvas, "pointermove", 2, [2, 1]);
  finger(canvas, "pointerup", 2, [2, 1]);
  assert.deepEqual(rowsOf(canvas.picture), ["r...", ".rr.", "....", "...."]);
  tapWith(canvas, 2);
  assert.deepEqual(rowsOf(canvas.picture), ["r...", "....", "....", "...."]);
});

test("a stroke that the browser takes away paints nothing", () => {
  const canvas = canvasOf(pictureFrom(...BLANK), "pencil");
  down(canvas, 1, [0, 0]);
  finger(canvas, "pointercancel", 1, [1, 0]);
  assert.deepEqual([rowsOf(canvas.picture), canvas.history.undoSteps.length], [BLANK, 0]);
});

test("a hovering mouse does not move a finger's stroke", () => {
  const canvas = canvasOf(pictureFrom(...BLANK), "pencil");
  down(canvas, 2, [0, 0]);
  point(canvas, "mouse", "pointermove", 1, [3, 3]);
  point(canvas, "mouse", "pointerup", 1, [3, 3]);
  finger(canvas, "pointermove", 2, [1, 0]);
  finger(canvas, "pointerup", 2, [1, 0]);
  assert.deepEqual([rowsOf(canvas.picture), canvas.history.undoSteps.length], [["rr..", ...BLANK.slice(1)], 1]);
});
