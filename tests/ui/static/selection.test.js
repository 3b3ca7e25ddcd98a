// Selecting, moving, flipping, turning, copying and pasting; the exact pixels, and one undo step for all of it.

import assert from "node:assert/strict";
import test from "node:test";

import { COMMANDS } from "../../../pixelart/ui/static/canvas/commands.js";
import { Floating } from "../../../pixelart/ui/static/canvas/floating.js";
import { copyOf, samePicture } from "../../../pixelart/ui/static/canvas/picture.js";
import { CHANGES, cellsInBox, cellsOfColour, combined, modeOf, pieceOf } from "../../../pixelart/ui/static/canvas/selection.js";
import { withSelection } from "../../../pixelart/ui/static/canvas/strokes.js";
import { TOOLS, toolNamed } from "../../../pixelart/ui/static/canvas/tools.js";
import { COLOURS, maskRows, pictureFrom, rowsOf } from "./pictures.js";

const selectionRows = (picture) => (picture.selection ? maskRows({ ...picture, mask: picture.selection }) : null);
const command = (name) => COMMANDS.find((entry) => entry.name === name);

// What commands and floating pixels use of a canvas.
function canvasOf(picture) {
  const canvas = {
    picture, steps: [], canEdit: true, view: { refresh() {} }, exchange: { publish() {} }, brush: { colour: COLOURS.r }, said: "",
    addStep(before) { if (!samePicture(before, this.picture)) this.steps.push(before); },
    edit(change) {
      this.floating.putDown();
      const before = copyOf(this.picture);
      change(this.picture);
      this.addStep(before);
    },
    say(text) { this.said = text; },
  };
  canvas.floating = new Floating(canvas);
  return canvas;
}

// A canvas with a selection in a box.
function selected(rows, from, to) {
  const picture = pictureFrom(...rows);
  return canvasOf({ ...picture, selection: cellsInBox(picture, from, to) });
}

test("a box and an area of one colour are selected", () => {
  const picture = pictureFrom("rrb", "brb", "brr");
  assert.deepEqual(maskRows({ ...picture, mask: cellsInBox(picture, [2, 2], [1, 1]) }), ["000", "011", "011"]);
  assert.deepEqual(maskRows({ ...picture, mask: cellsInBox(picture, [-5, 1], [0, 9]) }), ["000", "100", "100"]);
  assert.deepEqual(maskRows({ ...picture, mask: cellsOfColour(picture, [0, 0]) }), ["110", "010", "011"]);
  assert.deepEqual(maskRows({ ...picture, mask: cellsOfColour(picture, [7, 0]) }), ["000", "000", "000"]);
});

test("Shift adds to a selection and Alt subtracts", () => {
  assert.deepEqual([{}, { shiftKey: true }, { altKey: true }].map(modeOf), ["replace", "add", "subtract"]);
  const before = Uint8Array.of(1, 1, 0), cells = Uint8Array.of(0, 1, 1);
  assert.deepEqual([...combined(before, cells, "replace")], [0, 1, 1]);
  assert.deepEqual([...combined(before, cells, "add")], [1, 1, 1]);
  assert.deepEqual([...combined(before, cells, "subtract")], [1, 0, 0]);
  assert.equal(combined(cells, cells, "subtract"), null);
  assert.equal(combined(null, cells, "subtract"), null);
  assert.deepEqual([...before], [1, 1, 0]);
});

test("a drag selects, and a click outside the selection deselects", () => {
  const tool = toolNamed(TOOLS, "select"), empty = pictureFrom("...", "...");
  const once = withSelection(empty, tool, [1, 0], [2, 0], "replace");
  assert.deepEqual(selectionRows(once), ["011", "000"]);
  assert.equal(withSelection(once, tool, [0, 1], [0, 1], "replace").selection, null);
  assert.deepEqual(selectionRows(withSelection(once, tool, [0, 1], [0, 1], "add")), ["011", "100"]);
  assert.deepEqual(selectionRows(withSelection(empty, tool, [0, 1], [0, 1], "replace")), ["000", "100"]);
  const wand = toolNamed(TOOLS, "wand");
  assert.deepEqual(selectionRows(withSelection(once, wand, [0, 1], [0, 1], "replace")), ["111", "111"]);
});

test("all is selected, and nothing", () => {
  const canvas = canvasOf(pictureFrom("r.", ".."));
  command("all").run(canvas);
  assert.deepEqual(selectionRows(canvas.picture), ["11", "11"]);
  command("deselect").run(canvas);
  command("deselect").run(canvas);
  assert.equal(canvas.picture.selection, null);
  assert.equal(canvas.steps.length, 2);
});

test("selected pixels move, what they leave is transparent, and what they cover comes back", () => {
  const canvas = selected(["rg..", "gr.b"], [0, 0], [1, 1]), before = canvas.picture;
  canvas.floating.moveBy(2, 0);
  assert.deepEqual([rowsOf(canvas.picture), selectionRows(canvas.picture)], [["..rg", "..gr"], ["0011", "0011"]]);
  canvas.floating.moveBy(1, 0);
  assert.deepEqual([rowsOf(canvas.picture), selectionRows(canvas.picture)], [["...r", "...g"], ["0001", "0001"]]);
  canvas.floating.moveBy(-2, 0);
  assert.deepEqual(rowsOf(canvas.picture), [".rg.", ".grb"], "nothing was lost beyond the edge");
  assert.equal(canvas.steps.length, 0);
  command("deselect").run(canvas);
  assert.deepEqual([rowsOf(canvas.picture), canvas.picture.selection], [[".rg.", ".grb"], null]);
  assert.equal(canvas.steps.length, 1);
  assert.ok(samePicture(canvas.steps[0], before));
});

test("transparent pixels of a selection cover nothing", () => {
  const canvas = selected(["r.bb", ".rbb"], [0, 0], [1, 1]);
  canvas.floating.moveBy(2, 0);
  assert.deepEqual(rowsOf(canvas.picture), ["..rb", "..br"]);
});

test("pixels that are moved out of the picture leave no selection", () => {
  const canvas = selected(["r."], [0, 0], [0, 0]);
  canvas.floating.moveBy(0, 8);
  canvas.floating.putDown();
  assert.deepEqual([rowsOf(canvas.picture), canvas.picture.selection], [[".."], null]);
});

test("a move that is cancelled changes nothing", () => {
  const canvas = selected(["rg.."], [0, 0], [1, 0]), before = canvas.picture;
  canvas.floating.moveBy(1, 0);
  canvas.floating.cancel();
  assert.ok(samePicture(canvas.picture, before) && !canvas.floating.isOpen && canvas.steps.length === 0);
});

test("a selection is flipped and turned around its middle, and four turns lead back", () => {
  const rows = ["....", ".rg.", ".b..", "...."], seen = {};
  for (const change of Object.keys(CHANGES)) {
    const canvas = selected(rows, [1, 1], [2, 2]);
    canvas.floating.change(change);
    seen[change] = rowsOf(canvas.picture).slice(1, 3).map((row) => row.slice(1, 3));
  }
  assert.deepEqual(seen, { flipX: ["gr", ".b"], flipY: ["b.", "rg"], right: ["br", ".g"], left: ["g.", "rb"] });
  const odd = selected(["......", "rgb...", "......", "......"], [0, 1], [1, 1]), before = rowsOf(odd.picture);
  for (let turn = 0; turn < 4; turn++) odd.floating.change("right");
  assert.deepEqual(rowsOf(odd.picture), before);
});

test("a copy is pasted where it was, or where it fits, in one step", () => {
  const canvas = selected(["rg..", "b..."], [0, 0], [1, 0]), piece = pieceOf(canvas.picture);
  assert.deepEqual([piece.x, piece.y, piece.width, piece.height], [0, 0, 2, 1]);
  command("deselect").run(canvas);
  canvas.floating.paste(piece);
  canvas.floating.moveBy(2, 1);
  canvas.floating.putDown();
  assert.deepEqual([rowsOf(canvas.picture), selectionRows(canvas.picture)], [["rg..", "b.rg"], ["0000", "0011"]]);
  assert.equal(canvas.steps.length, 2);
  const small = canvasOf(pictureFrom(".", "."));
  small.floating.paste({ ...piece, x: 9, y: 9 });
  assert.deepEqual(rowsOf(small.picture), [".", "r"]);
});

test("delete makes selected pixels transparent; without a selection, all", () => {
  const canvas = selected(["rg", "bb"], [0, 0], [0, 1]);
  command("delete").run(canvas);
  assert.deepEqual([rowsOf(canvas.picture), selectionRows(canvas.picture)], [[".g", ".b"], ["10", "10"]]);
  command("deselect").run(canvas);
  command("delete").run(canvas);
  assert.deepEqual(rowsOf(canvas.picture), ["..", ".."]);
  assert.equal(canvas.steps.length, 3);
});

test("floating pixels are deleted, and what they covered is back", () => {
  const canvas = selected(["rb"], [0, 0], [0, 0]);
  canvas.floating.moveBy(1, 0);
  command("delete").run(canvas);
  assert.deepEqual([rowsOf(canvas.picture), canvas.steps.length, canvas.floating.isOpen], [[".b"], 1, false]);
});

test("commands that need a selection say so", () => {
  for (const name of ["crop", "maskSelection"]) {
    const canvas = canvasOf(pictureFrom("r"));
    command(name).run(canvas);
    assert.equal(canvas.said, "Nothing is selected.");
  }
});
