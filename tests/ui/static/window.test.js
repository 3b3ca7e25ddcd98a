// The model's window on a larger picture: where it is, and whether Complete uses it.

import assert from "node:assert/strict";
import test from "node:test";

import { emptyPicture } from "../../../pixelart/ui/static/canvas/picture.js";
import { ModelWindow, shownWindow, windowSizeFor } from "../../../pixelart/ui/static/canvas/window.js";

const FIXED = { size: [32, 24], largest: [32, 24] }, FREE = { size: [32, 32], largest: [64, 64] };

function masked(width, height, x, y, w, h) {
  const picture = emptyPicture(width, height);
  for (let j = y; j < y + h; j++) picture.mask.fill(1, j * width + x, j * width + x + w);
  return picture;
}

const placeOf = (shown) => shown && [shown.x, shown.y, shown.isUsed];

test("only pictures that the model does not draw at once have a window", () => {
  const sizes = (model, ...all) => all.map(([width, height]) => windowSizeFor({ width, height }, model));
  const fixed = sizes(FIXED, [32, 24], [33, 24], [64, 64], [32, 20], [80, 20]);
  assert.deepEqual(fixed, [null, [32, 24], [32, 24], null, null]);
  assert.deepEqual(sizes(FREE, [64, 64], [65, 64], [100, 20]), [null, [32, 32], [32, 20]]);
  assert.equal(shownWindow(emptyPicture(64, 64), null, null), null, "no model");
});

test("a picture that is too large for windows has none, and a line says that it is fitted", () => {
  const canvas = { picture: masked(300, 40, 4, 4, 2, 2), say(text) { this.said = text; } };
  const frame = new ModelWindow(canvas);
  assert.equal(frame.lineFor(frame.shown), "", "no model");
  for (const [model, size] of [[FIXED, "32 x 24"], [FREE, "32 x 32"]]) {
    frame.model = { ...model, longest: 256 };
    const line = `Larger than 256 pixels: Complete fits this picture to ${size}`;
    assert.deepEqual([frame.shown, frame.lineFor(null), frame.placeFor(canvas.picture)], [null, line, null]);
    frame.press([3, 3]);
    assert.equal(canvas.said, line);
  }
  frame.model = { ...FIXED, longest: 300 };
  assert.match(frame.lineFor(frame.shown), /^Complete uses this window/);
});

test("it follows the mask as the engine's windows do, until the artist places it", () => {
  assert.deepEqual(placeOf(shownWindow(masked(90, 100, 20, 50, 4, 10), FIXED, null)), [6, 43, true]);
  assert.deepEqual(placeOf(shownWindow(masked(90, 100, 89, 0, 1, 1), FIXED, null)), [58, 0, true]);
  assert.deepEqual(placeOf(shownWindow(emptyPicture(90, 100), FIXED, null)), [29, 38, false], "in the middle");
  assert.deepEqual(placeOf(shownWindow(masked(90, 100, 20, 50, 25, 10), FIXED, null)), [16, 43, false], "too wide to see around it");
});

test("where the artist has put it, it is used if the mask lies in it, up to its borders", () => {
  const picture = masked(90, 100, 20, 50, 32, 10);
  assert.deepEqual(placeOf(shownWindow(picture, FIXED, [20, 50])), [20, 50, true]);
  assert.deepEqual(placeOf(shownWindow(picture, FIXED, [20, 36])), [20, 36, true]);
  for (const place of [[19, 50], [21, 50], [20, 35], [20, 51]]) {
    assert.equal(shownWindow(picture, FIXED, place).isUsed, false, place.join());
  }
  assert.deepEqual(placeOf(shownWindow(picture, FIXED, [500, -3])), [58, 0, false], "inside the picture");
});

test("a line says what Complete will use", () => {
  const line = (picture, place) => shownWindow(picture, FIXED, place).text;
  assert.equal(line(emptyPicture(64, 64), [1, 2]), "Model's window: 32 x 24 at 1, 2");
  assert.equal(line(masked(64, 64, 4, 4, 2, 2), [1, 2]), "Complete uses this window: 32 x 24 at 1, 2");
  assert.match(line(masked(64, 64, 60, 4, 2, 2), [1, 2]), /several/);
});

test("it is dragged by its inside, brought to a press elsewhere, and moved by keys", () => {
  const published = [], picture = masked(90, 100, 20, 50, 4, 4);
  const exchange = { publish: () => published.push(frame.placeFor(picture)) };
  const canvas = { picture, exchange, view: { drawOverlay() {} }, say() {} };
  const frame = new ModelWindow(canvas);
  frame.press([3, 3]);
  assert.equal(frame.placed, null, "without a model there is none");
  frame.model = FIXED;
  frame.press([10, 45]);
  frame.point([12, 48]);
  frame.release();
  frame.point([40, 40]);
  assert.deepEqual([frame.placed, published], [[8, 43], [[43, 8]]]);
  frame.press([80, 90]);
  frame.release();
  assert.deepEqual([frame.placed, published.at(-1)], [[58, 76], null], "the mask is outside");
  frame.moveBy(-38, -40);
  assert.deepEqual(published.at(-1), [36, 20]);
  frame.press([30, 60], true);
  assert.deepEqual(frame.placed, [14, 48]);
  frame.free();
  assert.deepEqual(frame.placeFor(picture), [40, 6], "it follows the mask again");
});
