// Draws what lies over the picture: mask, selection, grid, mirror lines, the model's window and the cursor.

import { drawWindow } from "./window_frame.js";

const CHECK = 4;    // side of a square of the mask's pattern, in CSS pixels

export function drawOverlay(view) {
  const { canvas, overlay, ratio } = view, { cell, x, y } = view.position, pen = overlay.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, overlay.width, overlay.height);
  if (!canvas.picture || !cell) return;
  const scene = { view, pen, ratio, cell, x, y, picture: canvas.picture };
  const isFilled = canvas.tool.name === "temperature" && !canvas.inspect.isOn;
  view.temperatureLayer.draw(scene, () => inCells(scene), isFilled);
  if (view.maskShape) drawMask(scene);
  if (view.selectionShape) strokeOutline(scene, view.selectionShape, "#0050e0", 3);
  if (view.grid && cell >= 4) drawGrid(scene);
  if (canvas.brush.mirror || canvas.brush.mirrorY) drawMirrorLines(scene);
  drawWindow(scene, inUnits);
  const { cursor, hover, inspect } = canvas;
  if (cursor) drawCursor(scene, cursor, 3, accentOf(view.stage));
  else if (hover && !canvas.panning) drawCursor(scene, hover, 1, "#fff");
  else if (inspect.isOn && inspect.spot) drawCursor(scene, inspect.spot, 1, "#fff");
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

// A white line with moving dashes.
function strokeOutline(scene, { outline }, colour, dashLength) {
  const { pen, cell, view } = scene, pixel = 1 / cell;
  inCells(scene);
  for (const [style, dash] of [["#fff", []], [colour, [dashLength * pixel, dashLength * pixel]]]) {
    pen.strokeStyle = style;
    pen.lineWidth = 1.5 * pixel;
    pen.setLineDash(dash);
    pen.lineDashOffset = -view.phase * pixel;
    pen.stroke(outline);
  }
  pen.setLineDash([]);
}

function fillMask(scene) {
  const { pen, ratio, view } = scene, shift = view.phase * ratio;
  pen.save();
  inCells(scene);
  pen.clip(view.maskShape.cells);
  pen.setTransform(1, 0, 0, 1, shift, 0);
  pen.fillStyle = checkPattern(pen, CHECK * ratio);
  pen.fillRect(-shift, 0, view.overlay.width, view.overlay.height);
  pen.restore();
}

function checkPattern(pen, side) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = side * 2;
  const brush = tile.getContext("2d");
  brush.fillStyle = "rgba(255, 255, 255, .34)";
  brush.fillRect(0, 0, side * 2, side * 2);
  brush.fillStyle = "rgba(225, 0, 120, .62)";
  brush.fillRect(0, 0, side, side);
  brush.fillRect(side, side, side, side);
  return pen.createPattern(tile, "repeat");
}

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
function drawCursor(scene, [x, y], width, light) {
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
