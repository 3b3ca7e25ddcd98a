// What a gesture does at 256 x 256 takes less than a frame.

import assert from "node:assert/strict";
import test from "node:test";

import { filledPicture } from "../../../pixelart/ui/static/canvas/documents.js";
import { growMask, maskColour, visitCells } from "../../../pixelart/ui/static/canvas/mask.js";
import { copyOf } from "../../../pixelart/ui/static/canvas/picture.js";
import {
  CHANGES, everything, pieceOf, withPiece, withoutSelected,
} from "../../../pixelart/ui/static/canvas/selection.js";
import { paintLine, withSelection, withShape } from "../../../pixelart/ui/static/canvas/strokes.js";
import { TOOLS, toolNamed } from "../../../pixelart/ui/static/canvas/tools.js";
import { COLOURS } from "./pictures.js";

const FRAME = 16;    // milliseconds
const FROM = [0, 0], TO = [255, 250];

const tool = (name) => toolNamed(TOOLS, name);
const picture = filledPicture(256, 256, COLOURS.g), piece = pieceOf(picture);
const brush = { colour: COLOURS.r, size: 16, mirror: true, mirrorY: true, filled: true };

const GESTURES = {
  ...Object.fromEntries(["line", "rectangle", "ellipse"].map((name) => [name, () => withShape(picture, tool(name), brush, FROM, TO)])),
  pencil: () => paintLine(copyOf(picture), tool("pencil"), brush, FROM, TO),
  wand: () => withSelection(picture, tool("wand"), FROM, FROM, "replace"),
  select: () => withSelection(picture, tool("select"), FROM, TO, "add"),
  outline: () => visitCells(picture, everything(picture), () => {}, () => {}),
  fill: () => tool("fill").apply(copyOf(picture), FROM, brush),
  replace: () => tool("replace").apply(copyOf(picture), FROM, brush),
  lift: () => [pieceOf(picture), withoutSelected(picture)],
  move: () => withPiece(picture, piece),
  turn: () => withPiece(picture, CHANGES.right(piece)),
  maskColour: () => maskColour(copyOf(picture), COLOURS.g),
  growMask: () => growMask({ ...picture, mask: everything(picture) }),
};

for (const [name, act] of Object.entries(GESTURES)) {
  test(`${name} takes less than a frame`, () => {
    const times = Array.from({ length: 15 }, () => {
      const start = performance.now();
      act();
      return performance.now() - start;
    });
    assert.ok(Math.min(...times) < FRAME, times.join());
  });
}
