// Inspect paints the colours that the model expects.

import assert from "node:assert/strict";
import test from "node:test";

import { Inspect } from "../../../pixelart/ui/static/canvas/inspect.js";
import { copyOf } from "../../../pixelart/ui/static/canvas/picture.js";
import { pictureFrom, rowsOf } from "./pictures.js";

const LIKELY = [{ colour: "ff0000", probability: 0.7 }, { colour: "00ff00", probability: 0.2 }];

// Inspect on a canvas, with the answer for its left pixel.
function inspectOf(picture) {
  const element = { style: {}, classList: { toggle() {} }, setAttribute() {}, querySelector: () => element };
  const canvas = {
    picture, canEdit: true, tool: { name: "pencil" }, said: [], view: { heatLayer: {} }, element, $: () => element, $$: () => [],
    say: (text) => canvas.said.push(text), isInside: () => true,
    edit(change) {
      if (!this.canEdit) return;
      this.picture = copyOf(this.picture);
      change(this.picture);
    },
  };
  const inspect = new Inspect(canvas, [[0, 0, 0]]), answer = { current: { colour: "0000ff", probability: 0.1 }, likely: LIKELY };
  Object.assign(inspect, { spot: [0, 0], page: { map: {}, colours: new Map([[0, answer]]) } });
  return { canvas, inspect };
}

test("a painted pixel has the colour, and the answer says so", () => {
  const { canvas, inspect } = inspectOf(pictureFrom("bb"));
  inspect.paintLikely(0);
  assert.deepEqual([rowsOf(canvas.picture), inspect.answerOfSpot.current, canvas.said], [["rb"], LIKELY[0], []]);
});

test("a pixel that is not selected is not painted, and Inspect says why", () => {
  const { canvas, inspect } = inspectOf({ ...pictureFrom("bb"), selection: Uint8Array.of(0, 1) });
  inspect.paintLikely(1);
  assert.deepEqual([rowsOf(canvas.picture), inspect.answerOfSpot.current.colour], [["bb"], "0000ff"]);
  assert.deepEqual(canvas.said, ["The pixel is not selected."]);
});

test("while the picture cannot be changed, nothing is painted", () => {
  const { canvas, inspect } = inspectOf(pictureFrom("bb"));
  canvas.canEdit = false;
  inspect.paintLikely(0);
  assert.deepEqual([inspect.answerOfSpot.current.colour, canvas.said], ["0000ff", []]);
});
