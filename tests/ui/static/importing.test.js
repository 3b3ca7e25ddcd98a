// What an imported picture becomes, by exact pixels, and the pages of a sheet.

import assert from "node:assert/strict";
import test from "node:test";

import { History } from "../../../pixelart/ui/static/canvas/history.js";
import {
  CHOICES, cellsOf, cutSheet, firstChoice, fitted, isPlain, onGrid,
} from "../../../pixelart/ui/static/canvas/import_choices.js";
import { Pages } from "../../../pixelart/ui/static/canvas/pages.js";
import { pictureFrom, rowsOf } from "./pictures.js";

const SHEET = pictureFrom("rrggbb", "rrggbb", "gg..rb", "gg..br");

test("enlarged pixels are reduced to one each, also where the first and last are cut off", () => {
  assert.deepEqual(rowsOf(onGrid(pictureFrom("rrgg", "rrgg", "bb..", "bb.."), { factor: 2, top: 0, left: 0 })), ["rg", "b."]);
  assert.deepEqual(rowsOf(onGrid(pictureFrom("rggb", "rggb", "brrg", "brrg"), { factor: 2, top: 0, left: 1 })), ["rgb", "brg"]);
});

test("a sheet is cut into whole cells, row by row, without the empty ones", () => {
  const pieces = cutSheet(SHEET, { width: 2, height: 2 }).map(rowsOf);
  assert.deepEqual(pieces, [["rr", "rr"], ["gg", "gg"], ["bb", "bb"], ["gg", "gg"], ["rb", "br"]]);
  const spaced = cellsOf(SHEET, { width: 2, height: 1, margin: 1, spacing: 1 });
  assert.deepEqual(spaced.map(({ x, y }) => [x, y]), [[1, 1], [4, 1], [1, 3], [4, 3]]);
  assert.deepEqual(cellsOf(SHEET, { width: 7, height: 2 }), []);
});

test("fit enlarges by a whole factor and shrinks by leaving pixels out; crop takes the middle", () => {
  assert.deepEqual(rowsOf(fitted(pictureFrom("rg"), 5, 4)), [".....", ".rrgg", ".rrgg", "....."]);
  assert.deepEqual(rowsOf(fitted(SHEET, 3, 3)), ["...", "rgb", "g.r"]);
  assert.deepEqual(CHOICES.crop(SHEET, { width: 2, height: 2 }).map(rowsOf), [["gg", ".."]]);
  assert.deepEqual([CHOICES.open(SHEET), CHOICES.place(SHEET)], [[SHEET], [SHEET]]);
});

test("a picture of the document's size needs no question, nor one of the model's on an empty document", () => {
  const small = pictureFrom("rg", ".."), empty = pictureFrom("...", "...");
  assert.equal(isPlain(small, null, [9, 9]), true);
  assert.equal(isPlain(small, pictureFrom("bb", "bb"), [9, 9]), true);
  assert.equal(isPlain(small, empty, [2, 2]), true);
  assert.equal(isPlain(small, empty, [9, 9]), false);
  assert.equal(isPlain(small, pictureFrom("b..", "..."), [2, 2]), false, "something is drawn");
});

test("the dialog starts with what loses nothing", () => {
  const sized = (width, height) => ({ width, height });
  assert.equal(firstChoice(sized(256, 100), { factor: 1 }), "open");
  assert.equal(firstChoice(sized(256, 100), { factor: 0 }), "open", "one colour fits every grid");
  assert.equal(firstChoice(sized(512, 512), { factor: 4 }), "grid");
  assert.equal(firstChoice(sized(512, 100), { factor: 1 }), "cut");
});

test("pages are turned round and round, and each keeps its changes and its undo steps", (t) => {
  const line = {}, canvas = {
    picture: pictureFrom("."), limits: { side: 9 }, history: new History(), canEdit: true, said: "",
    floating: { putDown() {} }, exchange: { publish() {} }, view: { show() {} },
    replace(make) { this.history.add(this.picture); this.picture = make(); },
    $: () => line, say(text) { this.said = text; },
  };
  const pages = new Pages(canvas);
  pages.turn(1);
  assert.match(canvas.said, /one picture/);
  pages.open(["r", "g", "b"].map((row) => pictureFrom(row)));
  assert.deepEqual([rowsOf(canvas.picture), line.textContent], [["r"], "Picture 1 of 3"]);
  pages.turn(-1);
  assert.deepEqual([rowsOf(canvas.picture), line.textContent], [["b"], "Picture 3 of 3"]);
  canvas.replace(() => pictureFrom("rr"));
  pages.turn(1);
  assert.equal(rowsOf(canvas.history.undo(canvas.picture)).join(), ".", "what was there before the sheet");
  pages.turn(-1);
  assert.deepEqual(rowsOf(canvas.picture), ["rr"]);
  pages.open([pictureFrom("gb")]);
  assert.deepEqual([rowsOf(canvas.picture), line.textContent], [["gb"], "Picture 3 of 3"], "a single picture is a page's");
  pages.turn(1);
  assert.deepEqual(rowsOf(canvas.picture), ["r"], "the other pages stay as they were");
  pages.turn(-1);
  canvas.picture = canvas.history.undo(canvas.picture);
  assert.deepEqual(rowsOf(canvas.picture), ["rr"]);
  const asked = [], answers = [false, true];
  globalThis.confirm = (text) => { asked.push(text); return answers.shift(); };
  t.after(() => delete globalThis.confirm);
  const other = () => pages.open(["g", "b"].map((row) => pictureFrom(row)));
  other();
  assert.deepEqual([rowsOf(canvas.picture), pages.count], [["rr"], 3], "another sheet replaces the pages only after a yes");
  other();
  assert.deepEqual([rowsOf(canvas.picture), pages.count], [["g"], 2]);
  assert.match(asked.join(), /^Replace all 3 pictures.*,Replace all 3/);
  canvas.picture = canvas.history.undo(canvas.picture);
  assert.deepEqual(rowsOf(canvas.picture), ["rr"]);
  const later = new Pages(canvas), pictures = ["r", "rr"].map((row) => pictureFrom(row));
  for (const wrong of [null, { pictures, index: 2 }, { pictures: [1], index: 0 }, { pictures: [], index: 0 }]) {
    later.restore(wrong);
    assert.equal(later.count, 0);
  }
  later.restore({ pictures, index: 1 });
  assert.equal(line.textContent, "Picture 2 of 2");
  later.turn(1);
  assert.deepEqual(rowsOf(canvas.picture), ["r"], "the pages of an earlier visit");
  later.turn(1);
  assert.deepEqual(rowsOf(canvas.history.undo(canvas.picture)), ["b"]);
});
