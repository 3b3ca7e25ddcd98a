// A result that is shown in the picture's place.

import assert from "node:assert/strict";
import test from "node:test";

globalThis.matchMedia = () => ({ matches: false });
const { Showing } = await import("../../../pixelart/ui/static/canvas/showing.js");

// A canvas of 32 x 32 pixels that are shown 15 times at [8, 12].
function canvasOf() {
  const layer = { width: 32, height: 32, style: {}, getContext: () => ({ drawImage() {} }) }, calls = [];
  const view = {
    pictureLayer: layer, position: { cell: 15, x: 8, y: 12 }, ratio: 1, place: () => calls.push("place"), refresh: () => calls.push("refresh"),
  };
  return { canEdit: true, picture: { width: 32, height: 32 }, view, calls, $: () => ({ classList: { toggle() {} } }) };
}

function placeOf(width, height) {
  const canvas = canvasOf();
  new Showing(canvas).show({ naturalWidth: width, naturalHeight: height });
  const { left, top, width: across, height: down } = canvas.view.pictureLayer.style;
  return [left, top, across, down].map((length) => parseFloat(length));
}

test("a result of the picture's size takes exactly its place", () => {
  assert.deepEqual(placeOf(32, 32), [8, 12, 480, 480]);
});

test("the pixels of a result of another size are square, each as large as the others", () => {
  assert.deepEqual(placeOf(48, 32), [8, 92, 480, 320]);
  assert.deepEqual(placeOf(16, 48), [168, 12, 160, 480]);
  assert.deepEqual(placeOf(64, 64), [24, 28, 448, 448]);
});

test("afterwards the picture is back in its place", () => {
  const canvas = canvasOf(), showing = new Showing(canvas);
  showing.hide();
  assert.deepEqual(canvas.calls, []);
  showing.show({ naturalWidth: 48, naturalHeight: 32 });
  showing.hide();
  assert.deepEqual(canvas.calls, ["place", "refresh"]);
});
