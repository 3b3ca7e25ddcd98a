// The pages of a sheet keep their undo steps, also after a reload.

import assert from "node:assert/strict";
import test from "node:test";

import { Floating } from "../../../pixelart/ui/static/canvas/floating.js";
import { History } from "../../../pixelart/ui/static/canvas/history.js";
import { KEPT_BYTES, checkedWork, keptWork } from "../../../pixelart/ui/static/canvas/kept.js";
import { Pages } from "../../../pixelart/ui/static/canvas/pages.js";
import { bytesOf, emptyPicture, samePicture } from "../../../pixelart/ui/static/canvas/picture.js";
import { pictureFrom, rowsOf } from "./pictures.js";

const SIDE = 1024;
const stored = {}, texts = {};
const work = Promise.resolve({ keep(part, value) { stored[part] = structuredClone(value); } });
globalThis.work = work;

// What the pages use of a canvas.
function canvasOf(picture, history = new History()) {
  const canvas = {
    picture, history, canEdit: true, limits: { side: SIDE }, view: { show() {}, refresh() {} },
    $: (selector) => (texts[selector] ||= {}),
    exchange: { publish() { stored.canvas = structuredClone(keptWork(canvas.picture, canvas.history, {})); } },
    replace(make) {
      const before = this.picture;
      this.picture = make(before);
      this.addStep(before);
    },
    addStep(before) { if (!samePicture(before, this.picture)) this.history.add(before); this.exchange.publish(); },
  };
  return Object.assign(canvas, { floating: new Floating(canvas), pages: new Pages(canvas) });
}

// The canvas of the next visit.
async function reloaded() {
  await work;
  const { now, ...steps } = checkedWork(stored.canvas, SIDE, []), canvas = canvasOf(now, History.of(steps));
  canvas.pages.restore(stored.sheet);
  return canvas;
}

const undone = (canvas) => canvas.history.undo(canvas.picture);

test("after a reload, each page has its own undo and redo steps", async () => {
  const canvas = canvasOf(pictureFrom("bb"));
  canvas.pages.open([pictureFrom("rr"), pictureFrom("gg")]);
  canvas.pages.turn(1);
  canvas.replace(() => pictureFrom("g."));
  canvas.pages.turn(1);
  undone(canvas);
  canvas.picture = pictureFrom("rr");
  canvas.pages.turn(1);
  canvas.pages.turn(1);
  canvas.pages.turn(1);
  const next = await reloaded();
  assert.deepEqual([rowsOf(next.picture), rowsOf(undone(next)), texts[".page-line"].textContent], [["g."], ["gg"], "Picture 2 of 2"]);
  next.pages.turn(1);
  assert.deepEqual(next.history.redoSteps.map(rowsOf), [["rr"]]);
});

test("after a turn and a reload, undo on the first page leads back to the picture before the sheet", async () => {
  const canvas = canvasOf(pictureFrom("bb"));
  canvas.pages.open([pictureFrom("rr"), pictureFrom("gg")]);
  canvas.replace(() => pictureFrom("r."));
  canvas.pages.turn(1);
  const next = await reloaded();
  assert.equal(undone(next), null);
  next.pages.turn(-1);
  assert.deepEqual([rowsOf(next.picture), rowsOf(undone(next)), rowsOf(undone(next))], [["r."], ["rr"], ["bb"]]);
});

test("the step before the sheet is stored whatever the room, on the canvas and behind it", async () => {
  const canvas = canvasOf(pictureFrom("bb"));
  const large = () => Object.assign(emptyPicture(SIDE, SIDE), { mask: new Uint8Array(SIDE * SIDE).fill(1) });
  canvas.pages.open([large(), pictureFrom("gg")]);
  for (let i = 0; i < 4; i++) canvas.replace(i % 2 ? large : () => emptyPicture(SIDE, SIDE));
  let next = await reloaded();
  assert.deepEqual(rowsOf(next.history.undoSteps[0]), ["bb"]);
  next.pages.turn(1);
  next = await reloaded();
  next.pages.turn(1);
  const { undoSteps } = next.history;
  assert.deepEqual([rowsOf(undoSteps[0]), next.history.held === undoSteps[0]], [["bb"], true]);
  assert.ok(undoSteps.length < 5 && undoSteps.reduce((sum, step) => sum + bytesOf(step), 0) <= KEPT_BYTES);
});

test("all pages share the room for steps", async () => {
  const canvas = canvasOf(pictureFrom("bb")), side = 512, size = bytesOf(emptyPicture(side, side));
  const other = () => Object.assign(emptyPicture(side, side), { mask: new Uint8Array(side * side).fill(1) });
  canvas.pages.open(Array.from({ length: 4 }, () => emptyPicture(side, side)));
  for (let page = 0; page < 4; page++) {
    for (let i = 0; i < 6; i++) canvas.replace(i % 2 ? () => emptyPicture(side, side) : other);
    canvas.pages.turn(1);
  }
  await work;
  const counts = stored.sheet.histories.map(({ undo }) => undo.length);
  assert.deepEqual([counts[0], counts.slice(1).every((count) => count >= 1)], [0, true]);
  assert.ok(counts.reduce((sum, count) => sum + count, 0) * size <= KEPT_BYTES);
});

test("a sheet of an earlier version has pages without steps", () => {
  const canvas = canvasOf(pictureFrom("r"));
  canvas.pages.restore({ pictures: [pictureFrom("r"), pictureFrom("g")], index: 0 });
  canvas.pages.turn(1);
  assert.deepEqual([rowsOf(canvas.picture), canvas.history.undoSteps], [["g"], []]);
});
