// Each tool's exact pixels, and what the table of tools makes.

import assert from "node:assert/strict";
import test from "node:test";

import { buttonOf, chordOf, entryOfKey } from "../../../pixelart/ui/static/canvas/buttons.js";
import { COMMANDS } from "../../../pixelart/ui/static/canvas/commands.js";
import { paintLine } from "../../../pixelart/ui/static/canvas/strokes.js";
import { TOOLS, groupsOf, toolNamed, toolOfPress } from "../../../pixelart/ui/static/canvas/tools.js";
import { COLOURS, maskRows, pictureFrom, rowsOf } from "./pictures.js";

const tool = (name) => toolNamed(TOOLS, name);
const brush = (settings = {}) => ({ colour: COLOURS.r, size: 1, mirror: false, ...settings });
const LIMITS = { side: 256, fileBytes: 8 * 2 ** 20 };

function stroke(name, picture, from, to, settings) {
  paintLine(picture, tool(name), brush(settings), from, to);
  return picture;
}

test("the pencil paints a line without gaps", () => {
  const picture = stroke("pencil", pictureFrom("....", "....", "...."), [0, 0], [3, 2]);
  assert.deepEqual(rowsOf(picture), ["r...", ".rr.", "...r"]);
});

test("a line may begin and end outside the picture", () => {
  const picture = stroke("pencil", pictureFrom("...", "...", "..."), [-2, 1], [5, 1]);
  assert.deepEqual(rowsOf(picture), ["...", "rrr", "..."]);
});

test("a large brush paints a square, which is cut off at the edge", () => {
  assert.deepEqual(rowsOf(stroke("pencil", pictureFrom("....", "....", "...."), [1, 1], [1, 1], { size: 2 })), ["....", ".rr.", ".rr."]);
  assert.deepEqual(rowsOf(stroke("pencil", pictureFrom("....", "....", "...."), [0, 0], [0, 0], { size: 3 })), ["rr..", "rr..", "...."]);
});

test("mirrored, the other side is painted too", () => {
  assert.deepEqual(rowsOf(stroke("pencil", pictureFrom(".....", "....."), [0, 0], [1, 1], { mirror: true })), ["r...r", ".r.r."]);
});

test("the eraser makes pixels transparent", () => {
  const picture = stroke("eraser", pictureFrom("rgb", "rgb"), [0, 0], [1, 0]);
  assert.deepEqual(rowsOf(picture), ["..b", "rgb"]);
  assert.deepEqual([...picture.pixels.slice(0, 4)], [0, 0, 0, 0]);
});

test("fill paints the area of one colour that is joined at edges, not at corners", () => {
  const picture = pictureFrom("..b.", ".b..", "b..b");
  tool("fill").apply(picture, [0, 0], brush());
  assert.deepEqual(rowsOf(picture), ["rrb.", "rb..", "b..b"]);
});

test("fill paints the mirrored area too, and nothing outside the picture", () => {
  const picture = pictureFrom(".b.", ".b.");
  tool("fill").apply(picture, [0, 1], brush({ mirror: true }));
  assert.deepEqual(rowsOf(picture), ["rbr", "rbr"]);
  tool("fill").apply(picture, [-1, 0], brush({ colour: COLOURS.g }));
  assert.deepEqual(rowsOf(picture), ["rbr", "rbr"]);
});

test("fill with the colour that is there changes no byte", () => {
  const picture = pictureFrom("r.");
  picture.pixels.set([9, 9, 9, 0], 4);
  const before = [...picture.pixels];
  tool("fill").apply(picture, [0, 0], brush());
  tool("fill").apply(picture, [1, 0], brush({ colour: COLOURS["."] }));
  assert.deepEqual([...picture.pixels], before);
});

test("mask and unmask change the mask alone", () => {
  const picture = stroke("mask", pictureFrom("rg.", "..."), [0, 0], [2, 0]);
  assert.deepEqual(maskRows(stroke("unmask", picture, [1, 0], [1, 0])), ["101", "000"]);
  assert.deepEqual(rowsOf(picture), ["rg.", "..."]);
});

test("pick and inspect ask the canvas", () => {
  const calls = [];
  const canvas = {
    pick: (at) => calls.push(["pick", at]), press: (name) => calls.push(["tool", name]),
    inspect: { press: (at) => calls.push(["inspect", at]), paintLikely: (rank) => calls.push(["paint", rank]) },
  };
  tool("pick").press(canvas, [1, 2]);
  tool("inspect").press(canvas, [1, 2], false);
  tool("inspect").press(canvas, [1, 2], true);
  assert.deepEqual(["3", "escape", "6", "b"].map((key) => tool("inspect").onKey(canvas, key)), [true, true, false, false]);
  assert.deepEqual(calls, [["pick", [1, 2]], ["inspect", [1, 2]], ["paint", 0], ["paint", 2], ["tool", "inspect"]]);
});

test("Alt picks, the right button takes the opposite, and Shift does so for a mask", () => {
  const pressed = (name, event) => toolOfPress(TOOLS, tool(name), { button: 0, ...event }).name;
  assert.equal(pressed("pencil", {}), "pencil");
  assert.equal(pressed("pencil", { button: 2 }), "eraser");
  assert.equal(pressed("pencil", { shiftKey: true }), "pencil");
  assert.equal(pressed("eraser", { button: 2 }), "eraser");
  assert.equal(pressed("fill", { altKey: true }), "pick");
  assert.equal(pressed("mask", { altKey: true, shiftKey: true }), "unmask");
  assert.equal(pressed("unmask", { button: 2 }), "mask");
});

test("a new entry of the table has a button, a key and its pixels", () => {
  const spray = {
    name: "spray", key: "y", label: "Spray", purpose: "every second pixel", help: "hold to spray", group: "paint",
    icon: "<path d='M0 0'/>", opposite: "eraser", paint: (picture, index, { colour }) => index % 2 || picture.pixels.set(colour, index * 4),
  };
  const tools = [...TOOLS, spray];
  assert.deepEqual(buttonOf(spray, LIMITS), {
    label: "Spray", caption: "Spray", title: "Spray: every second pixel (Y; hold to spray)", icon: "<path d='M0 0'/>",
  });
  assert.deepEqual(groupsOf(tools).map((group) => group.map(({ name }) => name)),
    [["pencil", "eraser", "pick", "fill", "replace", "spray"], ["line", "rectangle", "ellipse"], ["select", "wand"], ["mask", "unmask", "window"], ["temperature", "inspect"]]);
  const found = entryOfKey(tools, chordOf({ key: "Y", ctrlKey: false, metaKey: false, shiftKey: true }));
  assert.equal(found, spray);
  assert.equal(toolOfPress(tools, found, { button: 2 }).name, "eraser");
  const picture = pictureFrom("....");
  paintLine(picture, found, brush(), [0, 0], [3, 0]);
  assert.deepEqual(rowsOf(picture), ["r.r."]);
});

test("replace changes every pixel of a colour, within the selection if there is one", () => {
  const picture = pictureFrom("bgb", ".b.");
  tool("replace").apply(picture, [0, 0], brush());
  assert.deepEqual(rowsOf(picture), ["rgr", ".r."]);
  picture.selection = Uint8Array.of(1, 1, 0, 1, 0, 0);
  tool("replace").apply(picture, [2, 0], brush({ colour: COLOURS.g }));
  tool("replace").apply(picture, [2, 1], brush({ colour: COLOURS.b }));
  tool("replace").apply(picture, [3, 9], brush());
  assert.deepEqual(rowsOf(picture), ["ggr", "br."]);
});

test("a selection limits what tools change", () => {
  const picture = pictureFrom("...", "...");
  picture.selection = Uint8Array.of(1, 0, 1, 1, 0, 1);
  assert.deepEqual(rowsOf(stroke("pencil", picture, [0, 0], [2, 0])), ["r.r", "..."]);
  assert.deepEqual(maskRows(stroke("mask", picture, [0, 1], [2, 1])), ["000", "101"]);
});

test("the pencil crosses the edges in tiled view", () => {
  const picture = stroke("pencil", pictureFrom("....", "...."), [2, 0], [5, 1], { tiled: true });
  assert.deepEqual(rowsOf(picture), ["..rr", "rr.."]);
});

test("fill paints up to four mirrored areas", () => {
  const picture = pictureFrom(".b.", "bbb", ".b.");
  tool("fill").apply(picture, [0, 0], brush({ mirror: true, mirrorY: true }));
  assert.deepEqual(rowsOf(picture), ["rbr", "bbb", "rbr"]);
});

test("every entry has what a button needs, and acts", () => {
  for (const entry of [...TOOLS, ...COMMANDS]) {
    assert.ok(entry.name && entry.label && entry.icon.startsWith("<path "), entry.name);
    assert.ok(entry.select || entry.paint || entry.apply || entry.press || entry.run, entry.name);
  }
});
