// Keys and tooltips.

import assert from "node:assert/strict";
import test from "node:test";

import { buttonOf, chordOf, entryOfKey, keysOf } from "../../../pixelart/ui/static/canvas/buttons.js";
import { COMMANDS } from "../../../pixelart/ui/static/canvas/commands.js";
import { keyRows } from "../../../pixelart/ui/static/canvas/dialogs.js";
import { listenToKeys } from "../../../pixelart/ui/static/canvas/keyboard.js";
import { TOOLS } from "../../../pixelart/ui/static/canvas/tools.js";

const LIMITS = { side: 256, fileBytes: 8 * 2 ** 20 };
const named = (name) => [...TOOLS, ...COMMANDS].find((entry) => entry.name === name);
const press = (key, ...modifiers) => ({ key, ...Object.fromEntries(modifiers.map((name) => [name, true])) });
const commandOf = (...pressed) => entryOfKey([...TOOLS, ...COMMANDS], chordOf(press(...pressed)))?.name;

test("no two entries have the same key or name", () => {
  const all = [...TOOLS, ...COMMANDS], keys = all.flatMap(keysOf), names = all.map(({ name }) => name);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(new Set(names).size, names.length);
});

test("keys choose tools, in upper case too", () => {
  const chosen = [..."beigmusclorvwBM"].map((key) => entryOfKey(TOOLS, chordOf(press(key)))?.name);
  assert.deepEqual(chosen, [
    "pencil", "eraser", "pick", "fill", "mask", "unmask", "inspect", "replace", "line", "ellipse", "rectangle", "select", "wand", "pencil", "mask",
  ]);
});

test("undo and redo have the keys of other programs", () => {
  assert.equal(commandOf("z", "ctrlKey"), "undo");
  assert.equal(commandOf("z", "metaKey"), "undo");
  assert.equal(commandOf("Z", "ctrlKey", "shiftKey"), "redo");
  assert.equal(commandOf("y", "ctrlKey"), "redo");
  assert.equal(commandOf("z"), undefined);
});

test("the other commands have one key each, or two", () => {
  const found = Object.fromEntries([..."[]+=-0#txh"].map((key) => [key, commandOf(key)]));
  assert.deepEqual(found, {
    "[": "smaller", "]": "larger", "+": "in", "=": "in", "-": "out", 0: "fit", "#": "grid", t: "tile", x: "mirror", h: "show",
  });
});

test("every tool and command has a key", () => {
  for (const entry of [...TOOLS, ...COMMANDS]) assert.ok(keysOf(entry).length, entry.name);
});

test("editing has the keys of other programs", () => {
  const names = [..."acxvd"].map((key) => commandOf(key, "ctrlKey"));
  assert.deepEqual(names, ["all", "copy", "cut", "paste", "deselect"]);
  assert.deepEqual(["Delete", "Backspace", "Escape"].map((key) => commandOf(key)), ["delete", "delete", "deselect"]);
});

test("Shift makes another key where the tables have one, and else is that of the keyboard", () => {
  assert.deepEqual([..."HVRL"].map((key) => commandOf(key, "shiftKey")), ["flipX", "flipY", "right", "left"]);
  assert.deepEqual([..."#+?><B"].map((key) => commandOf(key, "shiftKey")), ["grid", "in", "keys", "grow", "shrink", "pencil"]);
});

test("the list of keys has every tool and command", () => {
  const rows = keyRows({ tools: TOOLS, commands: COMMANDS }), labels = rows.map(([label]) => label);
  for (const { label } of [...TOOLS, ...COMMANDS]) assert.ok(labels.includes(label), label);
  assert.deepEqual(rows.find(([label]) => label === "Deselect"), ["Deselect", "Ctrl+D or Escape"]);
});

test("tooltips name the key and more", () => {
  const names = ["pencil", "pick", "mask", "inspect", "redo", "in", "blank", "tile", "import"];
  assert.deepEqual(names.map((name) => buttonOf(named(name), LIMITS).title), [
    "Pencil (B; hold Shift for a line)",
    "Pick colour (I)",
    "Mask (M; hold Shift to unmask)",
    "Inspect: what surprises the model, and the colours it expects (S; Escape ends)",
    "Redo (Ctrl+Shift+Z)",
    "Zoom in (+)",
    "New picture (N)",
    "Tile: repeat the picture around itself (T)",
    "Import a picture: choose, drop or paste (Shift+O; at most 256 x 256 pixels, 8 MiB)",
  ]);
});

test("on a keyboard of another script, letters are those at their places", () => {
  const chord = (key, code, ...modifiers) => chordOf({ ...press(key, ...modifiers), code });
  const typed = (...event) => entryOfKey([...TOOLS, ...COMMANDS], chord(...event))?.name;
  assert.deepEqual([typed("и", "KeyB"), typed("μ", "KeyM"), typed("я", "KeyZ", "ctrlKey"), typed("Р", "KeyH", "shiftKey")],
    ["pencil", "mask", "undo", "flipX"]);
  assert.deepEqual([typed("a", "KeyQ"), typed("z", "KeyW", "ctrlKey"), typed("é", "Digit2")], ["window", "undo", undefined]);
});

test("a symbol that needs AltGr or Option is a key; other keys with Alt are none", () => {
  const altGraph = { getModifierState: (name) => name === "AltGraph" };
  const nameFor = (event) => entryOfKey([...TOOLS, ...COMMANDS], chordOf(event))?.name;
  assert.equal(nameFor({ ...press("["), ...altGraph }), "smaller");
  assert.equal(nameFor(press("]", "altKey")), "larger");
  assert.equal(nameFor(press("[", "altKey", "ctrlKey")), "smaller");
  assert.equal(nameFor({ ...press("”"), code: "KeyB", ...altGraph }), undefined);
  for (const event of [press("b", "altKey"), press("B", "altKey", "shiftKey"), press("å", "altKey"), press("z", "altKey", "ctrlKey")]) {
    assert.equal(nameFor({ code: "KeyB", ...event }), undefined);
  }
});

// What a key does while `target` has the focus and the pointer is on the stage: [tool or command, whether Space pans].
function effectOf(event, target) {
  const on = {}, stage = { addEventListener() {}, matches: (selector) => selector === ":hover" };
  const canvas = {
    picture: {}, isShown: true, strokes: {}, stage, tools: TOOLS, commands: COMMANDS, tool: TOOLS[0],
    isSpaceHeld: false, chosen: null,
    onPage: (type, handler) => { on[type] = handler; }, press: (name) => { canvas.chosen = name; },
  };
  listenToKeys(canvas);
  on.keydown({ ...event, target: target || stage, preventDefault() {} });
  return [canvas.chosen, canvas.isSpaceHeld];
}

// An <input> of a type, to which Tab or the mouse has led.
function inputOf(type, byTab = true) {
  const closest = (selector) => {
    const [, others] = /input:not\(([^)]*)\)/.exec(selector) || [];
    return others && !others.includes(`[type=${type}]`);
  };
  return { closest, matches: (selector) => byTab && selector === ":focus-visible" };
}

test("letters reach the canvas from a radio button, and not from a text", () => {
  assert.deepEqual(["radio", "checkbox", "range", "text", "number"].map((type) => effectOf(press("g"), inputOf(type))[0]),
    ["fill", "fill", "fill", null, null]);
});

test("Space is for the control to which Tab has led, also with the pointer on the stage", () => {
  const pans = (target) => effectOf(press(" "), target)[1];
  assert.deepEqual([pans(inputOf("checkbox")), pans(inputOf("radio")), pans(inputOf("checkbox", false))], [false, false, true]);
  assert.ok(pans(null));
});
