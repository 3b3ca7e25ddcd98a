// New pictures, canvas size, crop, and flips of the whole picture.

import assert from "node:assert/strict";
import test from "node:test";

import { changedPicture, cropped, filledPicture, resized } from "../../../pixelart/ui/static/canvas/documents.js";
import { emptyPicture } from "../../../pixelart/ui/static/canvas/picture.js";
import { cellsInBox } from "../../../pixelart/ui/static/canvas/selection.js";
import { COLOURS, maskRows, pictureFrom, rowsOf } from "./pictures.js";

test("a new picture has its size and its colour", () => {
  assert.deepEqual(rowsOf(filledPicture(3, 2, COLOURS.g)), ["ggg", "ggg"]);
  assert.deepEqual(filledPicture(8, 256, COLOURS["."]), emptyPicture(8, 256));
});

test("another canvas size keeps the picture at its anchor, and its mask", () => {
  const picture = pictureFrom("rg", "b.");
  picture.mask[0] = 1;
  assert.deepEqual(rowsOf(resized(picture, 4, 3, [0, 0])), ["rg..", "b...", "...."]);
  assert.deepEqual(rowsOf(resized(picture, 4, 3, [1, 1])), ["....", "..rg", "..b."]);
  assert.deepEqual(rowsOf(resized(picture, 4, 4, [0.5, 0.5])), ["....", ".rg.", ".b..", "...."]);
  assert.deepEqual(rowsOf(resized(picture, 1, 2, [1, 0])), ["g", "."]);
  assert.deepEqual(maskRows(resized(picture, 3, 3, [1, 1])), ["000", "010", "000"]);
});

test("the picture is cropped to the box of the selection", () => {
  const picture = pictureFrom("rgb.", ".rg.", "....");
  picture.selection = cellsInBox(picture, [1, 0], [2, 1]);
  picture.mask[1] = 1;
  const made = cropped(picture);
  assert.deepEqual([rowsOf(made), maskRows(made), made.selection], [["gb", "rg"], ["10", "00"], null]);
});

test("without a selection the picture is flipped and turned, with its mask", () => {
  const picture = pictureFrom("rgb", "...");
  picture.mask[0] = 1;
  const right = changedPicture(picture, "right"), left = changedPicture(picture, "left");
  assert.deepEqual([rowsOf(right), maskRows(right)], [[".r", ".g", ".b"], ["01", "00", "00"]]);
  assert.deepEqual(rowsOf(left), ["b.", "g.", "r."]);
  assert.deepEqual(rowsOf(changedPicture(picture, "flipX")), ["bgr", "..."]);
  assert.deepEqual(rowsOf(changedPicture(picture, "flipY")), ["...", "rgb"]);
});
