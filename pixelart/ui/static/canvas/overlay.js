// Draws what lies over the picture: mask, selection, grid, mirror lines and the model's window; and, on a layer of its
// own, because it moves with each frame of a stroke, the cursor.

import { cached, onScreen, tileOf } from "./patterns.js";
import { drawWindow } from "./window_frame.js";

const CHECK = 4;    // side of a square of the mask's pattern, in CSS pixels

export function drawOverlay(view) {
  const { canvas } = view, scene = emptyScene(view, view.overlay);
  if (!scene) return;
  const isFilled = canvas.tool.name === "temperature" && !canvas.inspect.isOn;
  view.temperatureLayer.draw(scene, () => inCells(scene), isFilled);
  if (view.maskShape) drawMask(scene);
  if (view.selectionShape) strokeOutline(scene, view.selectionShape, "#0050e0", 3);
  if (view.grid && scene.cell >= 4) drawGrid(scene);
  if (canvas.brush.mirror || canvas.brush.mirrorY) drawMirrorLines(scene);
  drawWindow(scene, inUnits);
}

// The cell below the pointer, or the cursor of the keyboard.
export function drawCursor(view) {
  const { cursor, hover, inspect, panning } = view.canvas, scene = emptyScene(view, view.cursorLayer);
  if (!scene) return;
  if (cursor) drawCells(scene, cursor, 3, accentOf(view.stage));
  else if (hover && !panning) drawCells(scene, hover, 1, "#fff");
  else if (inspect.isOn && inspect.spot) drawCells(scene, inspect.spot, 1, "#fff");
}

// Shows a place of the picture, or "", in the corner. It changes with each move of the pointer: a box of a fixed size
// and a text that stays in place keep the page from being laid out again.
export function showPosition(canvas, text) {
  const box = canvas.$(".position");
  if (!box.firstChild) box.append("");
  box.firstChild.data = text;
}

// What the functions below draw with, on a layer that is made empty; null without a picture.
function emptyScene(view, layer) {
  const { ratio, canvas: { picture } } = view, { cell, x, y } = view.position, pen = layer.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, layer.width, layer.height);
  return picture && cell ? { view, pen, ratio, cell, x, y, picture } : null;
}

// One unit is a cell, or a CSS pixel from the picture's corner.
function inUnits({ pen, ratio, x, y }, unit) {
  pen.setTransform(unit * ratio, 0, 0, unit * ratio, x * ratio, y * ratio);
}
const inCells = (scene) => inUnits(scene, scene.cell);
const inPixels = (scene) => inUnits(scene, 1);

function drawMask(scene) {
  const { view } = scene;
  if (view.maskFilled && !view.canvas.inspect.isOn) fillMask(scene);
  strokeOutline(scene, view.maskShape, "#16001a", 4);
}

// A line of moving dashes, white and of a colour. They are a pattern of stripes: true dashes take a frame if an outline
// has thousands of corners.
function strokeOutline(scene, { outline }, colour, dashLength) {
  const { pen, cell, ratio, view } = scene;
  inCells(scene);
  pen.strokeStyle = onScreen(scene, stripes(Math.round(dashLength * ratio), colour), view.phase * ratio);
  pen.lineWidth = 1.5 / cell;
  pen.stroke(outline);
}

function fillMask(scene) {
  const { pen, ratio, view } = scene;
  inCells(scene);
  pen.fillStyle = onScreen(scene, checks(Math.round(CHECK * ratio)), view.phase * ratio);
  pen.fill(view.maskShape.cells);
}

const checks = cached((side) => tileOf(2 * side, (pen) => {
  pen.fillStyle = "rgba(255, 255, 255, .34)";
  pen.fillRect(0, 0, 2 * side, 2 * side);
  pen.fillStyle = "rgba(225, 0, 120, .62)";
  pen.fillRect(0, 0, side, side);
  pen.fillRect(side, side, side, side);
}));

const stripes = cached((length, colour) => tileOf(2 * length, (pen) => {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, 2 * length, 2 * length);
  pen.fillStyle = colour;
  for (let y = 0; y < 2 * length; y++) for (const x of [-y, 2 * length - y]) pen.fillRect(x, y, length, 1);
}));

// Lines of one device pixel; every eighth one is darker.
function drawGrid({ pen, ratio, cell, x, y, picture }) {
  pen.setTransform(1, 0, 0, 1, x * ratio, y * ratio);
  const step = cell * ratio, right = picture.width * step, bottom = picture.height * step;
  for (let i = 1; i < Math.max(picture.width, picture.height); i++) {
    pen.fillStyle = i % 8 ? "rgba(128, 128, 128, .35)" : "rgba(128, 128, 128, .85)";
    const line = Math.round(i * step);
    if (i < picture.width) pen.fillRect(line, 0, 1, bottom);
    if (i < picture.height) pen.fillRect(0, line, right, 1);
  }
}

function drawMirrorLines(scene) {
  const { pen, cell, picture, view } = scene, { mirror, mirrorY } = view.canvas.brush;
  const right = picture.width * cell, bottom = picture.height * cell;
  inPixels(scene);
  for (const [style, offset] of [["#fff", 0], ["#c0006a", 4]]) {
    pen.strokeStyle = style;
    pen.lineWidth = 1.5;
    pen.setLineDash([4, 4]);
    pen.lineDashOffset = offset;
    pen.beginPath();
    if (mirror) { pen.moveTo(right / 2, 0); pen.lineTo(right / 2, bottom); }
    if (mirrorY) { pen.moveTo(0, bottom / 2); pen.lineTo(right, bottom / 2); }
    pen.stroke();
  }
  pen.setLineDash([]);
}

const accentOf = (stage) => getComputedStyle(stage).getPropertyValue("--color-accent") || "#6366f1";

// The outline of the cells that a press would change: dark and light, so that it is visible on any picture.
function drawCells(scene, [x, y], width, light) {
  const { pen, cell, view } = scene, { tool, brush } = view.canvas;
  const size = tool.paint ? brush.size : 1, offset = (size - 1) >> 1;
  inPixels(scene);
  const box = [(x - offset) * cell, (y - offset) * cell, size * cell, size * cell];
  for (const [line, style] of [[width + 4, "#fff"], [width + 2, "rgba(0, 0, 0, .75)"], [width, light]]) {
    pen.lineWidth = line;
    pen.strokeStyle = style;
    pen.strokeRect(...box);
  }
}
