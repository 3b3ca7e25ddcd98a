// My colours: added, removed one by one, and cleared; each says what it did.

import assert from "node:assert/strict";
import test from "node:test";

import { COLOUR_COMMANDS } from "../../../pixelart/ui/static/canvas/colour_commands.js";
import { colourOf } from "../../../pixelart/ui/static/canvas/colours.js";
import { MOST_COLOURS, addedText } from "../../../pixelart/ui/static/canvas/palettes.js";
import { Swatches } from "../../../pixelart/ui/static/canvas/swatches.js";

// An element with what the panel uses.
function element() {
  const made = {
    style: {}, dataset: {}, children: [], classList: { toggle() {} }, setAttribute() {},
    replaceChildren(...children) { made.children = children; },
    contains: (other) => made.children.includes(other), focus() { page.activeElement = made; },
  };
  return made;
}

const page = { activeElement: null, createElement: element };
globalThis.document = page;

function canvasOf(own) {
  const elements = {}, canvas = {
    brush: { colour: null }, said: "", published: 0, locked: null, knownPalettes: [], exchange: { publish: () => { canvas.published += 1; } },
    $: (selector) => (elements[selector] ||= element()), $$: () => canvas.$(".swatches").children,
    say: (text) => { canvas.said = text; }, trigger: (_, { colours }) => { canvas.locked = colours; },
  };
  canvas.swatches = Object.assign(new Swatches(canvas), { own });
  canvas.swatches.setSource("own");
  return canvas;
}

const run = (canvas, name) => COLOUR_COMMANDS.find((command) => command.name === name).run(canvas);
const shown = (canvas) => canvas.$(".swatches").children.map(({ dataset }) => dataset.colour);

test("the chosen colour is removed, shown, stored and told, and the focus stays in the panel", () => {
  const canvas = canvasOf(["0000ff", "00ff00"]), before = canvas.published;
  canvas.swatches.choose(colourOf("0000ff"));
  canvas.$(".swatches").children[1].focus();
  run(canvas, "removeOwn");
  assert.deepEqual([canvas.swatches.own, shown(canvas)], [["00ff00"], ["", "00ff00"]]);
  assert.deepEqual([canvas.said, canvas.published > before], ["Colour #0000ff removed from My colours.", true]);
  assert.ok(canvas.$(".swatches").contains(page.activeElement));
  run(canvas, "removeOwn");
  assert.deepEqual([canvas.swatches.own, canvas.said], [["00ff00"], "Colour #0000ff is not in My colours."]);
});

test("all are removed, and the drawing follows while these colours are locked", () => {
  const canvas = canvasOf(["0000ff", "00ff00", "ff0000"]);
  canvas.swatches.choose(colourOf("ff0000"));
  canvas.swatches.isLocked = true;
  run(canvas, "removeOwn");
  assert.deepEqual(canvas.locked, ["0000ff", "00ff00"]);
  run(canvas, "clearOwn");
  assert.deepEqual([canvas.swatches.own, shown(canvas), canvas.said], [[], [""], "2 colours removed from My colours."]);
});

test("the buttons are there while My colours are shown and there are some", () => {
  const canvas = canvasOf(["0000ff"]);
  assert.equal(canvas.$(".own-bar").hidden, false);
  run(canvas, "clearOwn");
  assert.equal(canvas.$(".own-bar").hidden, true);
  canvas.swatches.add(["0000ff"]);
  assert.equal(canvas.$(".own-bar").hidden, false);
  canvas.swatches.setSource("model");
  assert.equal(canvas.$(".own-bar").hidden, true);
});

test("what is added is told, also where there is no room for all", () => {
  const canvas = canvasOf(Array.from({ length: MOST_COLOURS - 1 }, (_, i) => "0000" + i.toString(16).padStart(2, "0")));
  canvas.swatches.add(["ffffff", "eeeeee", "000001"]);
  assert.deepEqual([canvas.swatches.own.length, canvas.said], [256, "Added 1 of 2 colours: My colours is full (256)."]);
  assert.equal(addedText(["ffffff"], ["ffffff", "000000"]), "Added 1 colour to My colours.");
  assert.equal(addedText(["ffffff"], ["111111", "000000"]), "Added 2 colours to My colours.");
  assert.equal(addedText(["ffffff"], ["ffffff"]), "My colours has no new ones.");
});
