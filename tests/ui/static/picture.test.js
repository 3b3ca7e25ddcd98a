// Pictures, masks, and the value that is shared with Python.

import assert from "node:assert/strict";
import test from "node:test";

import { areaOf, coveredBy, lineBetween } from "../../../pixelart/ui/static/canvas/brush.js";
import {
  clearMask, growMask, hasMask, invertMask, isMasked, maskColour, maskFromPixels, maskPixels, maskSelection, shrinkMask,
  visitCells,
} from "../../../pixelart/ui/static/canvas/mask.js";
import { colourAt, copyOf, emptyPicture, isPicture, samePicture } from "../../../pixelart/ui/static/canvas/picture.js";
import { decode, encode, pictureOf, valueOf } from "../../../pixelart/ui/static/canvas/value.js";
import { maskRows, pictureFrom, rowsOf } from "./pictures.js";

test("a copy is the same picture until one of them changes", () => {
  const picture = pictureFrom("rg", "b."), copy = copyOf(picture);
  assert.ok(samePicture(picture, copy));
  copy.mask[0] = 1;
  assert.ok(!samePicture(picture, copy) && !hasMask(picture));
  assert.ok(!samePicture(emptyPicture(1, 2), emptyPicture(2, 1)));
});

test("a transparent pixel has no colour", () => {
  const picture = pictureFrom("r.");
  picture.pixels.set([1, 2, 3, 0], 4);
  assert.deepEqual(colourAt(picture, [1, 0]), [0, 0, 0, 0]);
  assert.deepEqual(colourAt(picture, [0, 0]), [255, 0, 0, 255]);
});

test("the brush covers whole pixels inside the picture", () => {
  const small = { width: 4, height: 4 };
  const at = (x, y, brush) => [...coveredBy(small, [[x, y, 1]], brush)].flatMap((on, i) => (on ? [i] : []));
  assert.deepEqual(at(2, 1), [6]);
  assert.deepEqual(at(3, 3, { size: 2 }), [15]);
  assert.deepEqual(at(0, 0, { mirror: true }), [0, 3]);
  assert.deepEqual(at(0, 0, { mirrorY: true }), [0, 12]);
  assert.deepEqual(at(1, 0, { mirror: true, mirrorY: true }), [1, 2, 13, 14]);
  assert.deepEqual(at(-1, 4, { tiled: true }), [3]);
  assert.deepEqual(at(3, 3, { size: 2, tiled: true }), [0, 3, 12, 15]);
  assert.equal(coveredBy({ width: 40, height: 40 }, [[20, 20, 1]], { size: 16 }).filter(Boolean).length, 256);
});

test("a line joins its ends in steps of one pixel", () => {
  for (const [from, to] of [[[0, 0], [7, 3]], [[5, 9], [-4, 2]], [[3, 3], [3, 3]], [[0, 0], [0, 6]]]) {
    const cells = lineBetween(from, to);
    assert.deepEqual([cells[0], cells.at(-1)], [from, to]);
    assert.equal(cells.length, Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])) + 1);
    cells.slice(1).forEach(([x, y], i) => assert.ok(Math.abs(x - cells[i][0]) <= 1 && Math.abs(y - cells[i][1]) <= 1));
  }
});

test("an area of a large picture is found whole", () => {
  assert.equal(areaOf(emptyPicture(256, 256), [100, 7]).length, 256 * 256);
  assert.deepEqual(areaOf(emptyPicture(2, 2), [2, 0]), []);
});

test("a mask is inverted and cleared", () => {
  const picture = pictureFrom("...", "...");
  picture.mask.set([1, 0, 0, 0, 1, 0]);
  invertMask(picture);
  assert.deepEqual(maskRows(picture), ["011", "101"]);
  assert.ok(isMasked(picture, [2, 1]) && !isMasked(picture, [1, 1]));
  clearMask(picture);
  assert.ok(!hasMask(picture));
});

test("the outline of a mask runs between masked and unmasked pixels", () => {
  const picture = pictureFrom("...", "...", "..."), cells = [], edges = [];
  picture.mask.set([1, 1], 3);    // the first two of the middle row
  visitCells(picture, picture.mask, (...run) => cells.push(run), (...edge) => edges.push(edge.join()));
  assert.deepEqual(cells, [[0, 1, 2]]);
  assert.deepEqual(edges.sort(), ["0,1,0,2", "0,1,1,1", "0,2,1,2", "1,1,2,1", "1,2,2,2", "2,1,2,2"]);
});

test("a mask grows to its neighbours and shrinks at its border, not at the picture's edge", () => {
  const picture = pictureFrom("....", "....", "....");
  picture.mask[5] = 1;
  growMask(picture);
  assert.deepEqual(maskRows(picture), ["0100", "1110", "0100"]);
  shrinkMask(picture);
  assert.deepEqual(maskRows(picture), ["0000", "0100", "0000"]);
  picture.mask.fill(1);
  shrinkMask(picture);
  assert.deepEqual(maskRows(picture), ["1111", "1111", "1111"]);
});

test("the selection and a colour become the mask", () => {
  const picture = pictureFrom("rgr", ".rb");
  maskColour(picture, [255, 0, 0, 255]);
  assert.deepEqual(maskRows(picture), ["101", "010"]);
  maskColour(picture, [9, 9, 9, 0]);
  assert.deepEqual(maskRows(picture), ["000", "100"]);
  picture.selection = Uint8Array.of(0, 0, 1, 0, 1, 1);
  maskColour(picture, [255, 0, 0, 255]);
  assert.deepEqual(maskRows(picture), ["001", "010"]);
  maskSelection(picture);
  assert.deepEqual(maskRows(picture), ["001", "011"]);
});

test("a mask as a picture is white where it is masked, and comes back", () => {
  const picture = pictureFrom("...");
  picture.mask.set([1, 0, 1]);
  assert.deepEqual([...maskPixels(picture)], [255, 255, 255, 255, 0, 0, 0, 255, 255, 255, 255, 255]);
  assert.deepEqual(maskFromPixels(maskPixels(picture)), picture.mask);
  const clearDarkLight = Uint8ClampedArray.of(255, 255, 255, 0, 127, 127, 127, 255, 128, 128, 128, 255);
  assert.deepEqual([...maskFromPixels(clearDarkLight)], [0, 0, 1]);
});

test("bytes come back from base64, however many", () => {
  for (const length of [0, 1, 2, 3, 0x8000, 0x8001, 256 * 256 * 4]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31) % 256);
    assert.deepEqual(decode(encode(bytes)), bytes);
  }
});

test("a picture comes back from the value that is sent", () => {
  const picture = pictureFrom("rgb", "..r");
  picture.mask.set([1, 0, 1, 0, 1, 1]);
  const value = valueOf(picture);
  assert.deepEqual([value.width, value.height, value.preview, value.palette, value.ticket], [3, 2, false, null, null]);
  assert.ok(samePicture(pictureOf(JSON.parse(JSON.stringify(value)), null), picture));
});

test("without a mask of its own a value keeps the mask, if the size is the same", () => {
  const before = pictureFrom("..", "..");
  before.mask[3] = 1;
  const next = pictureOf({ ...valueOf(pictureFrom("rg", "b.")), mask: null }, before);
  assert.deepEqual([rowsOf(next), maskRows(next)], [["rg", "b."], ["00", "01"]]);
  assert.ok(!hasMask(pictureOf({ ...valueOf(pictureFrom("rgb")), mask: null }, before)));
});

test("what is no picture is told", () => {
  const good = emptyPicture(4, 3);
  assert.ok(isPicture(good, 4));
  const bad = [
    null, {}, "x", { ...good, width: 3 }, { ...good, width: 5 }, { ...good, height: 0 }, { ...good, height: 1.5 },
    { ...good, pixels: [...good.pixels] }, { ...good, mask: good.mask.slice(1) },
    { ...good, mask: good.mask.map(() => 2) },
    { ...good, selection: new Uint8Array(3) },
    { ...good, selection: [1] },
  ];
  for (const value of bad) assert.ok(!isPicture(value, 4), JSON.stringify(value));
});
