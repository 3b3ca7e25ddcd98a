// Two fingers undo and three redo, but not a pinch, a drag or a rest.

import assert from "node:assert/strict";
import test from "node:test";

import { Taps } from "../../../pixelart/ui/static/canvas/taps.js";

// The fingers of each tap: touch together, perhaps move, leave together after `time`.
function fingers(taps, count, { time = 100, by = 0, end = "up" } = {}) {
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  for (const id of ids) taps.down(id, [100 * id, 50], id);
  for (const id of ids) taps.move(id, [100 * id + by, 50]);
  return ids.map((id) => taps[end](id, time)).at(-1);
}

test("a tap counts its fingers when the last one leaves", () => {
  const taps = new Taps();
  for (const count of [1, 2, 3, 2]) assert.equal(fingers(taps, count), count);
  taps.down(1, [0, 0], 0);
  taps.down(2, [90, 0], 20);
  assert.equal(taps.up(1, 60), 0);
  assert.equal(taps.up(2, 80), 2);
});

test("a shaking finger taps too", () => {
  assert.equal(fingers(new Taps(), 2, { by: 8 }), 2);
});

test("a pinch, a rest and a cancelled touch are no taps, and the next tap is one", () => {
  const taps = new Taps();
  assert.equal(fingers(taps, 2, { by: 40 }), 0);
  assert.equal(fingers(taps, 2, { time: 900 }), 0);
  assert.equal(fingers(taps, 2, { end: "cancel" }), undefined);
  assert.equal(taps.up(9, 0), 0);
  assert.equal(fingers(taps, 3), 3);
});
