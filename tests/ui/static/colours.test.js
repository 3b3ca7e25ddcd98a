// Oklab and OKHSV against published values, and palettes: sorted, made into ramps, and put on a picture.

import assert from "node:assert/strict";
import test from "node:test";

import { colourOf, hexOf } from "../../../pixelart/ui/static/canvas/colours.js";
import { colourOfOkhsv, okhsvOf } from "../../../pixelart/ui/static/canvas/okhsv.js";
import { colourOfOklab, inRamps, nearestIn, oklabOf, rampOf } from "../../../pixelart/ui/static/canvas/oklab.js";
import { countChanged, isPalette, paletteOf, recoloured, withMore } from "../../../pixelart/ui/static/canvas/palettes.js";
import { emptyPicture } from "../../../pixelart/ui/static/canvas/picture.js";
import { Recolour } from "../../../pixelart/ui/static/canvas/recolour.js";
import { pictureFrom, rowsOf } from "./pictures.js";

const near = (found, wanted, within) => found.forEach((v, i) => assert.ok(Math.abs(v - wanted[i]) <= within, `${found} is not ${wanted}`));

// Printed by the Python package coloraide 8.13.1 (convert("oklab") and convert("okhsv"), hue in degrees). Its Oklab of
// the primaries is that of CSS Color 4.
const PUBLISHED = [
  ["ff0000", [0.627955, 0.224863, 0.125846], [29.23388, 1, 1]],
  ["00ff00", [0.86644, -0.233888, 0.179498], [142.495345, 1, 1]],
  ["0000ff", [0.452014, -0.032457, -0.311528], [264.052023, 1, 1]],
  ["ffff00", [0.967983, -0.071369, 0.19857], [109.769236, 1, 1]],
  ["00ffff", [0.905399, -0.149444, -0.039398], [194.76896, 1, 1]],
  ["ff00ff", [0.701674, 0.274566, -0.169156], [328.363415, 1, 1]],
  ["663399", [0.440272, 0.088177, -0.133864], [303.372988, 0.805236, 0.608251]],
  ["8b4513", [0.470784, 0.070809, 0.08696], [50.845218, 0.903329, 0.5607]],
  ["ffb6c1", [0.847388, 0.084716, 0.013549], [9.086526, 0.3159, 1]],
];

test("Oklab and OKHSV have the published values", () => {
  for (const [name, lab, [degrees, s, v]] of PUBLISHED) {
    near(oklabOf(colourOf(name)), lab, 1e-5);
    near(okhsvOf(colourOf(name)), [degrees / 360, s, v], 1e-3);
    assert.equal(hexOf(colourOfOkhsv([degrees / 360, s, v])), name);
  }
});

test("a gray has no hue, and keeps the one that is shown", () => {
  near(okhsvOf(colourOf("808080"), 0.4), [0.4, 0, 0.535706], 1e-4);
  assert.deepEqual(okhsvOf(colourOf("000000"), 0.4), [0.4, 0, 0]);
  near(okhsvOf(colourOf("ffffff"), 0.4), [0.4, 0, 1], 1e-6);
  assert.deepEqual([[0.4, 0.7, 0], [0.4, 0, 1]].map((hsv) => hexOf(colourOfOkhsv(hsv))), ["000000", "ffffff"]);
});

test("every colour comes back from Oklab and from OKHSV", () => {
  for (let i = 0; i < 4096; i++) {
    const colour = [(i >> 8) * 17, ((i >> 4) & 15) * 17, (i & 15) * 17, 255];
    assert.deepEqual(colourOfOklab(oklabOf(colour)), colour);
    assert.deepEqual(colourOfOkhsv(okhsvOf(colour)), colour);
  }
});

test("a ramp has equal steps in Oklab between its exact ends", () => {
  const ramp = rampOf(colourOf("222034"), colourOf("fbf236"), 5), labs = ramp.map((name) => oklabOf(colourOf(name)));
  assert.equal(ramp.length, 5);
  assert.deepEqual([ramp[0], ramp[4]], ["222034", "fbf236"]);
  for (let i = 1; i < 4; i++) near(labs[i], labs[0].map((v, c) => v + i / 4 * (labs[4][c] - v)), 0.004);
  assert.deepEqual(rampOf(colourOf("000000"), colourOf("ffffff"), 3), ["000000", "636363", "ffffff"]);
});

test("in ramps, grays come first and each hue goes from light to dark", () => {
  const given = ["0000ff", "400000", "ffffff", "000060", "ff0000", "000000", "ff9090"];
  assert.deepEqual(inRamps(given), ["ffffff", "000000", "ff9090", "ff0000", "400000", "0000ff", "000060"]);
  assert.equal(given[0], "0000ff", "the palette itself stays as given");
});

test("the nearest colour is nearest in Oklab, and an equal one wins", () => {
  const nearest = nearestIn(["000000", "ff0000", "fe0000", "ffffff"]);
  assert.deepEqual([[254, 0, 0], [255, 0, 0], [40, 40, 40], [200, 200, 200]].map(nearest), ["fe0000", "ff0000", "000000", "ffffff"]);
});

test("the palette of a picture is its exact opaque colours, the most frequent first", () => {
  const picture = pictureFrom("rbg", "bb.");
  assert.deepEqual(paletteOf(picture), ["0000ff", "ff0000", "00ff00"]);
  picture.pixels[3] = 200;
  assert.deepEqual(paletteOf(picture), ["0000ff", "00ff00"]);
  assert.deepEqual(withMore(["0000ff"], ["0000ff", "010203"]), ["0000ff", "010203"]);
  assert.deepEqual([["010203"], ["x"], "010203", [3]].map(isPalette), [true, false, false, false]);
});

test("recoloured, each visible pixel has the nearest colour; alpha and what is not selected stay", () => {
  const picture = pictureFrom("rg.", "bbb");
  picture.pixels[7] = 99;
  const other = recoloured(picture, ["ff0000", "00c000"]);
  assert.deepEqual([...other.pixels.slice(0, 12)], [255, 0, 0, 255, 0, 192, 0, 99, 0, 0, 0, 0]);
  assert.equal(countChanged(picture, other), 2);
  picture.selection = Uint8Array.of(0, 0, 0, 1, 0, 0);
  assert.deepEqual(rowsOf(recoloured(picture, ["ff0000"])).at(1), "rbb");
  assert.deepEqual(rowsOf(picture).at(1), "bbb", "the picture itself stays");
});

test("a picture from Python ends the preview, so that undo leads back to the picture before it", () => {
  const open = { closed: 0, close() { this.closed += 1; } }, refreshed = [], steps = [];
  const picture = pictureFrom("rb"), view = { refresh: () => refreshed.push(1) };
  const canvas = { picture, $: () => open, view, addStep: (before) => steps.push(before) };
  const recolour = new Recolour(canvas);
  recolour.cancel();
  assert.equal(open.closed, 0, "nothing is open");
  recolour.before = picture;
  canvas.picture = pictureFrom("gg");
  recolour.cancel();
  assert.deepEqual([canvas.picture, open.closed, recolour.isOpen, steps], [picture, 1, false, []]);
  canvas.picture = pictureFrom("bb");
  recolour.close(true);
  assert.deepEqual([rowsOf(canvas.picture), steps], [["bb"], []], "the event of the closed dialog does nothing");
});

test("a picture of 256 x 256 is recoloured in well under a second", () => {
  const picture = emptyPicture(256, 256), names = [...Array(64).keys()];
  const palette = names.map((i) => hexOf([i * 4, 255 - i, (i * 37) & 255]));
  picture.pixels.forEach((_, i) => { picture.pixels[i] = i % 4 === 3 ? 255 : (i * 7) & 255; });
  const start = performance.now();
  recoloured(picture, palette);
  assert.ok(performance.now() - start < 1000);
});
