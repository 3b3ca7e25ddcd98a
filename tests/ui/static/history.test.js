// Undo, redo, their limits, and what the browser keeps of them.

import assert from "node:assert/strict";
import test from "node:test";

import { History, UNDO_LIMIT, newestOf } from "../../../pixelart/ui/static/canvas/history.js";
import { KEPT_BYTES, checkedWork, keptWork } from "../../../pixelart/ui/static/canvas/kept.js";
import { bytesOf, emptyPicture } from "../../../pixelart/ui/static/canvas/picture.js";

const steps = (count, side = 1) => Array.from({ length: count }, () => emptyPicture(side, side));

test("undo and redo go back and forth", () => {
  const history = new History(), [first, second, third] = steps(3);
  history.add(first);
  history.add(second);
  assert.equal(history.undo(third), second);
  assert.equal(history.undo(second), first);
  assert.equal(history.undo(first), null);
  assert.equal(history.redo(first), second);
  assert.equal(history.redo(second), third);
  assert.equal(history.redo(third), null);
});

test("a change ends redo", () => {
  const history = new History(), [first, second, other] = steps(3);
  history.add(first);
  history.undo(second);
  history.add(other);
  assert.equal(history.redo(first), null);
});

test("the oldest steps are dropped beyond the limits", () => {
  const history = new History(), all = steps(UNDO_LIMIT + 5);
  all.forEach((step) => history.add(step));
  assert.deepEqual([history.undoSteps.length, history.undoSteps[0]], [UNDO_LIMIT, all[5]]);
  const small = new History({ bytes: 3 * bytesOf(all[0]) });
  all.forEach((step) => small.add(step));
  assert.deepEqual(small.undoSteps, all.slice(-3));
});

test("the newest steps that fit are kept in their order", () => {
  const [a, b, c] = steps(3, 2), size = bytesOf(a);
  assert.deepEqual(newestOf([a, b, c], 2 * size + 1), [[b, c], 1]);
  assert.deepEqual(newestOf([a, b, c], size - 1), [[], size - 1]);
  assert.deepEqual(newestOf([], 5), [[], 5]);
  assert.deepEqual(newestOf([a, b, c], 2 * size + 1, a), [[a, c], 1], "a held step is kept");
  assert.deepEqual(newestOf([a, b, c], size - 1, a), [[a], -1]);
});

test("the browser keeps the picture, and steps while there is room", () => {
  const [now, ...old] = steps(40, 256), history = new History();
  old.forEach((step) => history.add(step));
  const kept = keptWork(now, history, { tool: "fill" });
  assert.ok(kept.undo.length > 10 && kept.undo.length < old.length);
  assert.ok([now, ...kept.undo].reduce((sum, step) => sum + bytesOf(step), 0) <= KEPT_BYTES);
  assert.equal(kept.undo.at(-1), old.at(-1));
});

const NAMES = ["pencil", "fill"];

test("what was kept comes back, and what is unusable does not", () => {
  const [now, undo] = steps(2, 3), colour = [1, 2, 3, 255];
  const panel = { percent: 70, own: ["0a0b0c"], source: "own", isSorted: true, placed: [4, 0] };
  const shown = { showGrid: true, maskFilled: false, ...panel };
  const tools = { tool: "fill", sizes: { pencil: 3 }, colour, mirror: true, mirrorY: false, filled: true, ...shown };
  const work = { now, undo: [undo], redo: [], held: 0, tools };
  assert.deepEqual(checkedWork(work, 8, NAMES), work);
  assert.equal(checkedWork(undefined, 8, NAMES), null);
  assert.equal(checkedWork({ now: { width: 1 } }, 8, NAMES), null);
  assert.equal(checkedWork({ now }, 2, NAMES), null, "too large");
  const switches = { mirror: false, mirrorY: false, filled: false };
  const usual = { percent: 160, own: [], source: "model", isSorted: false, placed: null };
  const none = { tool: null, sizes: {}, colour: null, ...switches, showGrid: false, maskFilled: true, ...usual };
  const sizes = { pencil: "3", "<b>": 4 };
  const hostile = { tool: "<img>", sizes, colour: [1, 2, 3, 256], mirror: 1, showGrid: "yes", percent: 99, own: ["<b>"], source: 3, placed: [1, "2"] };
  const checked = checkedWork({ now, undo: [{}, 3], redo: [], tools: hostile }, 8, NAMES);
  assert.deepEqual(checked, { now, undo: [], redo: [], held: -1, tools: none });
  for (const held of [1, "length", undefined]) assert.equal(checkedWork({ ...work, held }, 8, NAMES).held, -1);
});
