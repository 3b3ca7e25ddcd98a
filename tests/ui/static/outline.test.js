// The lines around cells: as few as there are sides, and each edge once.

import assert from "node:assert/strict";
import test from "node:test";

import { visitCells } from "../../../pixelart/ui/static/canvas/mask.js";
import { Lines } from "../../../pixelart/ui/static/canvas/outline.js";

function linesOf(width, height, bits) {
  const found = [], lines = new Lines((...line) => found.push(line));
  visitCells({ width, height }, Uint8Array.from(bits), () => {}, lines.add);
  lines.end();
  return found;
}

test("a rectangle has four lines", () => {
  const found = linesOf(4, 3, [0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0]);
  assert.deepEqual(found.sort(), [[1, 0, 1, 3], [1, 0, 3, 0], [1, 3, 3, 3], [3, 0, 3, 3]]);
});

test("lines cover each edge between in and out once", () => {
  let state = 7;
  const random = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  for (let round = 0; round < 20; round++) {
    const width = 9, height = 6, bits = Array.from({ length: width * height }, () => Number(random() < .5));
    const edges = [], pieces = [];
    visitCells({ width, height }, bits, () => {}, (...edge) => edges.push(edge.join()));
    for (const [ax, ay, bx, by] of linesOf(width, height, bits)) {
      for (let i = 0; i < bx - ax + by - ay; i++) {
        const [x, y] = ay === by ? [ax + i, ay] : [ax, ay + i];
        pieces.push([x, y, ay === by ? x + 1 : x, ay === by ? y : y + 1].join());
      }
    }
    assert.deepEqual(pieces.sort(), edges.sort());
    assert.ok(linesOf(width, height, bits).length < edges.length);
  }
});
