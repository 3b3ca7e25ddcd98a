// The temperature layer: painted, unpainted, kept with the picture, and sent to Python.

import assert from "node:assert/strict";
import test from "node:test";

import { COMMANDS } from "../../../pixelart/ui/static/canvas/commands.js";
import { changedPicture, resized } from "../../../pixelart/ui/static/canvas/documents.js";
import { bytesOf, copyOf, emptyPicture, isPicture, samePicture } from "../../../pixelart/ui/static/canvas/picture.js";
import { paintLine } from "../../../pixelart/ui/static/canvas/strokes.js";
import { cellsOfStep, hasTemperature, stepOf, STEPS, textOf } from "../../../pixelart/ui/static/canvas/temperature.js";
import { TOOLS, toolNamed, toolOfPress } from "../../../pixelart/ui/static/canvas/tools.js";
import { pictureOf, valueOf } from "../../../pixelart/ui/static/canvas/value.js";
import { pictureFrom, rowsOf } from "./pictures.js";

const TOOL = toolNamed(TOOLS, "temperature");

function painted() {
  const picture = pictureFrom("rg.", "..b");
  paintLine(picture, TOOL, { size: 1, percent: 160 }, [0, 0], [1, 0]);
  paintLine(picture, TOOL, { size: 1, percent: 50 }, [2, 1], [2, 1]);
  return picture;
}

test("the brush paints percents and no pixels, within the selection if there is one", () => {
  const picture = painted();
  assert.deepEqual([...picture.temperature], [160, 160, 100, 100, 100, 50]);
  assert.deepEqual(rowsOf(picture), ["rg.", "..b"]);
  assert.ok(!picture.mask.includes(1));
  picture.selection = Uint8Array.of(1, 0, 0, 0, 0, 0);
  paintLine(picture, TOOL, { size: 2, percent: 70 }, [0, 0], [2, 0]);
  assert.deepEqual([...picture.temperature], [70, 160, 100, 100, 100, 50]);
});

test("the right button and Shift unpaint, and Alt does not pick", () => {
  const picture = painted();
  for (const event of [{ button: 2 }, { button: 0, shiftKey: true }]) {
    const tool = toolOfPress(TOOLS, TOOL, event);
    assert.ok(tool.masks && tool !== TOOL);
    paintLine(picture, tool, { size: 1, percent: 160 }, [event.button ? 0 : 1, 0], [event.button ? 0 : 1, 0]);
  }
  assert.deepEqual([...picture.temperature], [100, 100, 100, 100, 100, 50]);
  assert.equal(toolOfPress(TOOLS, TOOL, { button: 0, altKey: true }), TOOL);
});

test("1 to 5 choose a step, and other keys do not", () => {
  const chosen = [], canvas = { levels: { choose: (percent) => chosen.push(percent) } };
  assert.deepEqual(["1", "5", "3", "6", "b"].map((key) => TOOL.onKey(canvas, key)), [true, true, true, false, false]);
  assert.deepEqual(chosen, [50, 160, 100]);
  assert.deepEqual([0, 60, 85, 100, 140, 255].map((percent) => stepOf(percent).percent), [50, 50, 70, 100, 130, 160]);
  assert.equal(textOf(STEPS[1]), "calm, ×0.7");
});

test("copies do not share it, and it counts as a change", () => {
  const picture = painted(), copy = copyOf(picture);
  assert.ok(samePicture(picture, copy));
  copy.temperature[3] = 130;
  assert.ok(!samePicture(picture, copy) && picture.temperature[3] === 100);
  assert.ok(!samePicture(picture, { ...copy, temperature: null }));
  assert.equal(bytesOf(picture), 6 * 6);
  COMMANDS.find(({ name }) => name === "clearTemperature").run({ edit: (change) => change(picture) });
  assert.ok(!hasTemperature(picture) && picture.temperature === null);
});

test("it moves with the picture when that is flipped, turned or resized", () => {
  const picture = painted();
  assert.deepEqual([...changedPicture(picture, "flipX").temperature], [100, 160, 160, 50, 100, 100]);
  assert.deepEqual([...changedPicture(picture, "right").temperature], [100, 160, 100, 160, 50, 100]);
  assert.deepEqual([...resized(picture, 2, 3, [0, 0]).temperature], [160, 160, 100, 100, 100, 100]);
  assert.equal(changedPicture(pictureFrom("r."), "flipX").temperature, null);
});

test("Python gets the bytes, or null if nothing is painted; a result of the same size keeps it, an import does not", () => {
  const picture = painted(), value = valueOf(picture), result = { ...value, mask: null, temperature: null };
  assert.deepEqual([...Buffer.from(value.temperature, "base64")], [...picture.temperature]);
  assert.equal(valueOf(pictureFrom("r")).temperature, null);
  assert.equal(valueOf({ ...picture, temperature: new Uint8Array(6).fill(100) }).temperature, null);
  assert.deepEqual([...pictureOf(result, picture).temperature], [...picture.temperature]);
  assert.equal(pictureOf({ ...value, temperature: null }, picture).temperature, null);
  assert.deepEqual([...pictureOf(value, null).temperature], [...picture.temperature], "Python may send another");
  assert.equal(pictureOf(result, emptyPicture(6, 1)).temperature, null);
});

test("the browser keeps it, with pictures of older versions", () => {
  const picture = painted(), older = { ...picture };
  delete older.temperature;
  assert.ok(isPicture(picture, 8) && isPicture(older, 8));
  assert.ok(!isPicture({ ...picture, temperature: new Uint8Array(5) }, 8));
  assert.ok(!isPicture({ ...picture, temperature: [1, 2, 3, 4, 5, 6] }, 8));
  assert.equal(copyOf(older).temperature, null);
  assert.deepEqual([...cellsOfStep(picture, STEPS[4])], [1, 1, 0, 0, 0, 0]);
});
