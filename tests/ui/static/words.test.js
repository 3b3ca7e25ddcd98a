// Colours, zoom, and texts that are made of values.

import assert from "node:assert/strict";
import test from "node:test";

import { FREE_COLOURS, colourOf, describeColour, hexOf, isColour, middleColour, swatchNameOf } from "../../../pixelart/ui/static/canvas/colours.js";
import { chanceText, classesText, pixelText, spokenText, totalText } from "../../../pixelart/ui/static/canvas/inspect_words.js";
import { cellThatFits, intoSight, keptInside, largerCell, smallerCell, zoomed } from "../../../pixelart/ui/static/canvas/viewport.js";
import { mebibytes, percent } from "../../../pixelart/ui/static/canvas/words.js";
import { refusalOf } from "../../../pixelart/ui/static/drop.js";
import { timesThatFit } from "../../../pixelart/ui/static/page.js";
import { resultsIn } from "../../../pixelart/ui/static/work.js";

test("colours and their names", () => {
  for (const hex of FREE_COLOURS) assert.equal(hexOf(colourOf(hex)), hex);
  assert.deepEqual(colourOf(""), [0, 0, 0, 0]);
  assert.deepEqual([[1, 2, 3, 255], [1, 2, 3, 9], [1, 2, 3, 0]].map(swatchNameOf), ["010203", null, ""]);
  assert.deepEqual(middleColour(["000000", "111111", "222222"]), [17, 17, 17, 255]);
  assert.deepEqual(middleColour(["0000ff"]), [0, 0, 255, 255]);
  assert.equal(describeColour([255, 0, 0, 128]), "Colour #ff0000, 50 % opaque");
  assert.equal(describeColour([255, 0, 0, 255]), "Colour #ff0000");
  assert.equal(describeColour([255, 0, 0, 0]), "Transparent");
  assert.ok(isColour([0, 255, 1, 2]));
  for (const bad of [null, "red", [1, 2, 3], [1, 2, 3, 256], [1, 2, 3, -1], [1, 2, 3, 0.5]]) assert.ok(!isColour(bad));
});

test("the picture fits by whole device pixels, and three of it where it is tiled", () => {
  assert.equal(cellThatFits({ width: 32, height: 16 }, [330, 330], 1, false), 10);
  assert.equal(cellThatFits({ width: 32, height: 32 }, [336, 400], 2, false), 10.5);
  assert.equal(cellThatFits({ width: 32, height: 32 }, [300, 300], 1, true), 3);
  assert.equal(cellThatFits({ width: 256, height: 256 }, [128, 128], 1, false), 0.5, "smaller than a pixel");
});

test("zooming keeps what lies at its centre", () => {
  const view = { cell: 10, x: -20, y: 5, fitted: true }, centre = [55, 45], next = zoomed(view, 20, centre);
  assert.ok(!next.fitted);
  assert.equal((centre[0] - view.x) / view.cell, (centre[0] - next.x) / next.cell);
  assert.equal((centre[1] - view.y) / view.cell, (centre[1] - next.y) / next.cell);
  assert.deepEqual([largerCell(1, 1), largerCell(16, 1), smallerCell(16, 1)], [2, 20, 12.8]);
});

test("a small picture is centred and a large one fills its room", () => {
  assert.equal(keptInside(-500, 100, 300, 1, false), 100);
  assert.deepEqual([-500, -40, 30].map((offset) => keptInside(offset, 400, 300, 1, false)), [-100, -40, 0]);
  assert.equal(keptInside(0, 100, 300, 1, true), 100);
  assert.deepEqual([-15, 20, 95].map((offset) => intoSight(offset, 10, 100)), [15, 0, -5]);
});

test("numbers as texts", () => {
  assert.deepEqual([0.0004, 0.0123, 0.0994, 0.25, 1].map(percent), ["<0.1 %", "1.2 %", "9.9 %", "25 %", "100 %"]);
  assert.deepEqual([2 ** 20, 1.55 * 2 ** 20].map(mebibytes), ["1 MiB", "1.6 MiB"]);
});

const CURRENT = { colour: "ff0000", probability: 0.02 };
const LIKELY = [{ colour: "", probability: 0.5 }, { colour: "00ff00", probability: 0.25 }];

test("what Inspect says of a pixel", () => {
  assert.equal(pixelText([1, 2], undefined, undefined), "1, 2 · …");
  assert.equal(pixelText([1, 2], 3, { error: "No." }), "1, 2 · surprise 3.00 · No.");
  assert.equal(pixelText([1, 2], 0.5, { current: CURRENT, exact: true }), "1, 2 · surprise 0.50 · now #ff0000 2.0 %");
  assert.equal(pixelText([1, 2], undefined, { current: CURRENT, exact: false, bound: 0.1 }),
    "1, 2 · now #ff0000 2.0 % · approximate: others have up to 10 %");
  assert.equal(spokenText([1, 2], 0.5, { current: CURRENT, likely: LIKELY, exact: true }),
    "1, 2, surprise 0.5, #ff0000. Most probable: transparent 50 %, #00ff00 25 %");
  assert.equal(spokenText([1, 2], undefined, { error: "No." }), "1, 2. No.");
  assert.deepEqual([chanceText(LIKELY[1], false), chanceText(LIKELY[0], true), chanceText(undefined, false)],
    ["Paint #00ff00, 25 %", "Paint transparent, 50 % (it has this colour)", ""]);
});

test("what Inspect says of a picture", () => {
  assert.equal(totalText({ total: 90.4, given: "hero" }), "Surprise of the picture: 90 as hero");
  assert.equal(totalText({ total: 90.4 }), "Surprise of the picture: 90");
  assert.equal(classesText([["wall", 0.75], ["hero", 0.25]]), "Class: wall 75 % · hero 25 %");
  assert.equal(classesText([["wall", 1]]), "");
});

test("unusable drops are refused with a reason", () => {
  const file = (size) => ({ name: "a.zip", size });
  assert.equal(refusalOf([file(5)], undefined, 10), "");
  assert.match(refusalOf([file(5)], "art", 10), /Pack art into a \.zip/);
  assert.match(refusalOf([], undefined, 10), /not a file/);
  assert.match(refusalOf([file(1), file(1)], undefined, 10), /Pack the 2 files/);
  assert.match(refusalOf([file(3 * 2 ** 20)], undefined, 2 ** 20), /is 3 MiB; the limit is 1 MiB/);
});

test("results are shown by a whole factor, or one over a whole number", () => {
  const cases = [[32, 100, 3], [32, 32, 1], [64, 50, 1 / 2], [256, 100, 1 / 3]];
  for (const [side, room, times] of cases) assert.equal(timesThatFit(side, room), times);
});

test("kept results are texts, or none", () => {
  const good = [{ png: "a", settings: "b" }];
  assert.equal(resultsIn(good), good);
  for (const bad of [null, {}, [null], [{ png: "a" }], [{ png: 1, settings: "b" }]]) assert.deepEqual(resultsIn(bad), []);
});
