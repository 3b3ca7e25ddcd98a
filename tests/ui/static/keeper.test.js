// What the browser stores of a canvas, and what a reload brings back.

import assert from "node:assert/strict";
import test from "node:test";

import { Exchange } from "../../../pixelart/ui/static/canvas/exchange.js";
import { Floating } from "../../../pixelart/ui/static/canvas/floating.js";
import { History, UNDO_LIMIT } from "../../../pixelart/ui/static/canvas/history.js";
import { Keeper } from "../../../pixelart/ui/static/canvas/keeper.js";
import { checkedWork } from "../../../pixelart/ui/static/canvas/kept.js";
import { TOOLS } from "../../../pixelart/ui/static/canvas/tools.js";
import { pictureFrom, rowsOf } from "./pictures.js";

const stored = {}, work = Promise.resolve({ keep(part, value) { stored[part] = structuredClone(value); } });
globalThis.window = { work };

// What the browser's storage uses of a canvas.
function canvasOf(picture) {
  const canvas = {
    picture, history: new History(), tools: TOOLS, tool: TOOLS[0], brush: { percent: 100 }, sizes: {},
    swatches: { own: [] }, view: { refresh() {} }, modelWindow: { placed: null }, exchange: { publish() {} },
    addStep(before) { this.history.add(before); },
  };
  return Object.assign(canvas, { floating: new Floating(canvas), keeper: new Keeper(canvas) });
}

// The work that the next visit finds.
async function reloaded(canvas) {
  canvas.keeper.keepWork();
  await work;
  return checkedWork(stored.canvas, 64, ["pencil"]);
}

const redAndBlue = () => ({ ...pictureFrom("rb"), selection: Uint8Array.of(1, 0) });

test("stored while pixels float, undo brings back what they cover", async () => {
  const canvas = canvasOf(redAndBlue());
  canvas.history.add(pictureFrom(".."));
  canvas.history.redoSteps = [pictureFrom("gg")];
  canvas.floating.moveBy(1, 0);
  const { now, undo, redo } = await reloaded(canvas);
  assert.deepEqual([rowsOf(now), undo.map(rowsOf), redo], [[".r"], [[".."], ["rb"]], []]);
  assert.deepEqual([canvas.floating.isOpen, canvas.history.undoSteps.length], [true, 1], "they still float");
});

test("floating pixels make no step more than is read back", async () => {
  const canvas = canvasOf(redAndBlue());
  for (let i = 0; i < UNDO_LIMIT; i++) canvas.history.add(pictureFrom(".."));
  canvas.floating.moveBy(1, 0);
  assert.equal((await reloaded(canvas)).undo.length, UNDO_LIMIT);
});

test("pixels that float outside the picture leave no selection that locks every pixel", async () => {
  const canvas = canvasOf(redAndBlue());
  canvas.floating.moveBy(0, 8);
  assert.equal((await reloaded(canvas)).now.selection, null);
  const drawings = new Exchange(canvas).drawings();
  assert.equal(drawings.selected(), null, "Download has the whole picture");
  canvas.floating.moveBy(0, -8);
  assert.deepEqual([...(await reloaded(canvas)).now.selection], [1, 0]);
});

test("a stored selection without pixels is none", () => {
  const locked = () => ({ ...pictureFrom("rb"), selection: Uint8Array.of(0, 0) });
  const { now, undo, redo } = checkedWork({ now: locked(), undo: [locked()], redo: [locked()] }, 64, []);
  assert.deepEqual([now, ...undo, ...redo].map(({ selection }) => selection), [null, null, null]);
});
