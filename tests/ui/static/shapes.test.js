// Lines, rectangles and ellipses: their exact pixels, with each setting.

import assert from "node:assert/strict";
import test from "node:test";

import { emptyPicture } from "../../../pixelart/ui/static/canvas/picture.js";
import { withShape } from "../../../pixelart/ui/static/canvas/strokes.js";
import { TOOLS, toolNamed } from "../../../pixelart/ui/static/canvas/tools.js";
import { COLOURS, pictureFrom, rowsOf } from "./pictures.js";

const EMPTY = ["......", "......", "......", "......", "......"];

function drawn(name, from, to, { shiftKey = false, rows = EMPTY, ...settings } = {}) {
  const brush = { colour: COLOURS.r, size: 1, mirror: false, mirrorY: false, filled: false, tiled: false, ...settings };
  return rowsOf(withShape(pictureFrom(...rows), toolNamed(TOOLS, name), brush, from, to, { shiftKey }));
}

test("a line, and with Shift one of eight directions", () => {
  assert.deepEqual(drawn("line", [0, 0], [5, 2]), ["rr....", "..rr..", "....rr", "......", "......"]);
  assert.deepEqual(drawn("line", [0, 0], [5, 1], { shiftKey: true }), ["rrrrrr", ...EMPTY.slice(1)]);
  assert.deepEqual(drawn("line", [0, 0], [1, 3], { shiftKey: true }), ["r.....", "r.....", "r.....", "r.....", "......"]);
  assert.deepEqual(drawn("line", [5, 0], [2, 4], { shiftKey: true }), [".....r", "....r.", "...r..", "..r...", ".r...."]);
});

test("a rectangle, from any corner, outlined and filled", () => {
  const outline = [".rrrr.", ".r..r.", ".r..r.", ".rrrr.", "......"];
  assert.deepEqual(drawn("rectangle", [1, 0], [4, 3]), outline);
  assert.deepEqual(drawn("rectangle", [4, 3], [1, 0]), outline);
  assert.deepEqual(drawn("rectangle", [1, 0], [4, 3], { filled: true }), [".rrrr.", ".rrrr.", ".rrrr.", ".rrrr.", "......"]);
  assert.deepEqual(drawn("rectangle", [3, 2], [3, 2]), ["......", "......", "...r..", "......", "......"]);
});

test("with Shift a square", () => {
  assert.deepEqual(drawn("rectangle", [5, 1], [3, 2], { shiftKey: true }), ["......", "...rrr", "...r.r", "...rrr", "......"]);
});

test("an ellipse, outlined and filled, and with Shift a circle", () => {
  assert.deepEqual(drawn("ellipse", [0, 0], [5, 3]), [".rrrr.", "r....r", "r....r", ".rrrr.", "......"]);
  assert.deepEqual(drawn("ellipse", [0, 0], [5, 3], { filled: true }), [".rrrr.", "rrrrrr", "rrrrrr", ".rrrr.", "......"]);
  const circle = [".rrr..", "r...r.", "r...r.", "r...r.", ".rrr.."];
  assert.deepEqual(drawn("ellipse", [0, 0], [4, 2], { shiftKey: true }), circle);
  assert.deepEqual(drawn("ellipse", [4, 4], [0, 0]), circle);
});

test("an ellipse touches all sides of its box, is symmetrical, and stays inside", () => {
  const sides = Array.from({ length: 20 }, (_, i) => i + 1), boxes = sides.flatMap((w) => sides.map((h) => [w, h]));
  for (const [width, height] of boxes) for (const filled of [false, true]) {
    const blank = emptyPicture(width + 2, height + 2), brush = { colour: COLOURS.r, size: 1, filled };
    const rows = rowsOf(withShape(blank, toolNamed(TOOLS, "ellipse"), brush, [1, 1], [width, height]));
    const inner = rows.slice(1, -1).map((row) => row.slice(1, -1)), name = `${width} x ${height}`;
    assert.ok(![rows[0], rows.at(-1)].some((row) => row.includes("r")), name);
    assert.ok(rows.every((row) => row[0] === "." && row.at(-1) === "."), name);
    assert.ok(inner[0].includes("r") && inner.at(-1).includes("r"), name);
    assert.ok(inner.some((row) => row[0] === "r") && inner.some((row) => row.at(-1) === "r"), name);
    assert.deepEqual(inner, [...inner].reverse(), name);
    assert.deepEqual(inner, inner.map((row) => [...row].reverse().join("")), name);
    assert.ok(inner.every((row) => row.includes("r") && (!filled || /^\.*r+\.*$/.test(row))), name);
  }
});

test("shapes are mirrored, use the brush, keep to the selection and cross edges in tiled view", () => {
  const corners = drawn("rectangle", [0, 0], [1, 1], { mirror: true, mirrorY: true });
  assert.deepEqual(corners, ["rr..rr", "rr..rr", "......", "rr..rr", "rr..rr"]);
  assert.deepEqual(drawn("line", [1, 1], [3, 1], { size: 3 }), ["rrrrr.", "rrrrr.", "rrrrr.", "......", "......"]);
  assert.deepEqual(drawn("line", [4, 0], [7, 0], { tiled: true }), ["rr..rr", ...EMPTY.slice(1)]);
  const picture = pictureFrom("...", "..."), brush = { colour: COLOURS.r, size: 1, filled: true };
  picture.selection = Uint8Array.of(1, 0, 0, 0, 1, 0);
  assert.deepEqual(rowsOf(withShape(picture, toolNamed(TOOLS, "rectangle"), brush, [0, 0], [2, 1])), ["r..", ".r."]);
  assert.deepEqual(rowsOf(picture), ["...", "..."], "the picture before is kept for the next place");
});
