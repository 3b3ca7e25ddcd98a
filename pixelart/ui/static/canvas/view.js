// Zoom, pan, and everything that is shown. The picture's own canvas stays at picture size and is enlarged by
// image-rendering: pixelated, and so is the map of Inspect above it; the overlay (mask, grid, cursor) has the size of the stage in device pixels.

const stage = $(".stage"), pictureCanvas = $(".picture"), tilesCanvas = $(".tiles"), heat = $(".heat"), overlay = $(".overlay");
const stillMotion = matchMedia("(prefers-reduced-motion: reduce)");
const MAX_CELL = 80, CHECK = 4;
const CHEQUER = 8;    // CSS pixels that a square behind clear pixels has about: a whole number of cells
let view = { cell: 0, x: 0, y: 0, fitted: true };    // CSS pixels a cell, and where the picture's corner lies
let showGrid = false, phase = 0;
let tiled = false;                                   // the picture is shown three by three; only the middle is painted
let hover = null, cursor = null;                     // the cell under the pointer, and the one that the keys paint
let maskShape = null, maskFilled = true;             // not filled: the outline alone, so that a result can be seen

const ratio = () => window.devicePixelRatio || 1;
const onDevice = (length) => Math.round(length * ratio()) / ratio();

function fitCell() {
  const exact = Math.min(stage.clientWidth / doc.width, stage.clientHeight / doc.height) / (tiled ? 3 : 1);
  return Math.floor(exact * ratio()) / ratio() || exact;
}

function fit() {
  if (!doc || !stage.clientWidth) return;
  view = { cell: fitCell(), x: 0, y: 0, fitted: true };
  place();
}

function zoomTo(cell, centre = [stage.clientWidth / 2, stage.clientHeight / 2]) {
  const least = fitCell(), next = Math.min(MAX_CELL, onDevice(cell));
  if (next <= least) return fit();
  const scale = next / view.cell;
  view = { cell: next, fitted: false, x: centre[0] - (centre[0] - view.x) * scale, y: centre[1] - (centre[1] - view.y) * scale };
  place();
}

const zoomIn = (centre) => zoomTo(Math.max(view.cell * 1.25, view.cell + 1 / ratio()), centre);
const zoomOut = (centre) => zoomTo(Math.min(view.cell / 1.25, view.cell - 1 / ratio()), centre);

function panBy(dx, dy) {
  view.x += dx;
  view.y += dy;
  view.fitted = false;
  place();
}

// Centres a side that fits the stage; keeps a larger one from leaving it.
function kept(offset, length, room) {
  return onDevice(length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, offset)));
}

function place() {
  const width = doc.width * view.cell, height = doc.height * view.cell, around = tiled ? 1 : 0;
  const keptInside = (offset, length, room) => kept(offset - around * length, (1 + 2 * around) * length, room) + around * length;
  view.x = keptInside(view.x, width, stage.clientWidth);
  view.y = keptInside(view.y, height, stage.clientHeight);
  for (const layer of [pictureCanvas, heat]) putAt(layer, view.x, view.y, width, height);
  putAt(tilesCanvas, view.x - width, view.y - height, 3 * width, 3 * height);
  const square = 2 * Math.max(1, Math.round(CHEQUER / view.cell)) * view.cell + "px";
  for (const layer of [pictureCanvas, tilesCanvas]) layer.style.backgroundSize = square + " " + square;
  overlay.width = Math.round(stage.clientWidth * ratio());
  overlay.height = Math.round(stage.clientHeight * ratio());
  $(".zoom-level").textContent = "×" + Number(view.cell.toFixed(view.cell < 10 ? 1 : 0));
  drawOverlay();
}

function putAt(canvas, left, top, width, height) {
  Object.assign(canvas.style, { left: left + "px", top: top + "px", width: width + "px", height: height + "px" });
}

function setTiled(on) {
  tiled = on;
  $(".canvas").classList.toggle("tiled", on);
  toggle("tile", on);
  refresh();
  fit();
}

// The eight neighbours: the middle is the picture's own canvas, on top.
function drawTiles() {
  const { width, height } = doc;
  tilesCanvas.width = 3 * width;
  tilesCanvas.height = 3 * height;
  const pen = tilesCanvas.getContext("2d");
  for (let y = 0; y < 3; y++) for (let x = 0; x < 3; x++) {
    if (x !== 1 || y !== 1) pen.drawImage(pictureCanvas, x * width, y * height);
  }
}

function resetViewIfResized(previous) {
  if (!previous || previous.width !== doc.width || previous.height !== doc.height) fit();
}

// Shows the document: pixels, mask, and which commands can be used.
function refresh() {
  if (pictureCanvas.width !== doc.width || pictureCanvas.height !== doc.height) {
    pictureCanvas.width = doc.width;
    pictureCanvas.height = doc.height;
  }
  pictureCanvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(doc.pixels), doc.width, doc.height), 0, 0);
  if (tiled) drawTiles();
  maskShape = doc.mask.includes(1) ? shapeOf(doc.mask) : null;
  $('[data-do="undo"]').disabled = !undoSteps.length || isBusy();
  $('[data-do="redo"]').disabled = !redoSteps.length || isBusy();
  $('[data-do="clear"]').disabled = !maskShape;
  $(".canvas").classList.toggle("busy", isBusy());
  if (isInspecting()) look();
  drawOverlay();
}

// The masked cells as one path to fill and their outline as another, in cells.
function shapeOf(mask) {
  const cells = new Path2D(), outline = new Path2D(), { width, height } = doc;
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    if (!at(x, y)) continue;
    cells.rect(x, y, 1, 1);
    const edges = [[!at(x, y - 1), x, y, x + 1, y], [!at(x, y + 1), x, y + 1, x + 1, y + 1],
      [!at(x - 1, y), x, y, x, y + 1], [!at(x + 1, y), x + 1, y, x + 1, y + 1]];
    for (const [open, ax, ay, bx, by] of edges) if (open) { outline.moveTo(ax, ay); outline.lineTo(bx, by); }
  }
  return { cells, outline };
}

function drawOverlay() {
  const pen = overlay.getContext("2d"), scale = ratio();
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, overlay.width, overlay.height);
  if (!doc || !view.cell) return;
  const inCells = () => pen.setTransform(view.cell * scale, 0, 0, view.cell * scale, view.x * scale, view.y * scale);
  if (maskShape) drawMask(pen, inCells);
  if (showGrid && view.cell >= 4) drawGrid(pen, scale);
  if (mirror) drawMirrorLine(pen, scale);
  if (cursor) drawCursor(pen, scale, cursor, 3, accent());
  else if (hover && !panning) drawCursor(pen, scale, hover, 1, "#fff");
  else if (isInspecting() && spot) drawCursor(pen, scale, spot, 1, "#fff");
}

function checkPattern(pen) {
  const side = CHECK * ratio(), tile = document.createElement("canvas");
  tile.width = tile.height = side * 2;
  const brush = tile.getContext("2d");
  brush.fillStyle = "rgba(255, 255, 255, .34)";
  brush.fillRect(0, 0, side * 2, side * 2);
  brush.fillStyle = "rgba(225, 0, 120, .62)";
  brush.fillRect(0, 0, side, side);
  brush.fillRect(side, side, side, side);
  return pen.createPattern(tile, "repeat");
}

function drawMask(pen, inCells) {
  if (maskFilled && !isInspecting()) fillMask(pen, inCells);
  inCells();
  const pixel = 1 / view.cell;
  for (const [style, dash] of [["#fff", []], ["#16001a", [4 * pixel, 4 * pixel]]]) {
    pen.strokeStyle = style;
    pen.lineWidth = 1.5 * pixel;
    pen.setLineDash(dash);
    pen.lineDashOffset = -phase * pixel;
    pen.stroke(maskShape.outline);
  }
  pen.setLineDash([]);
}

function fillMask(pen, inCells) {
  const shift = phase * ratio();
  pen.save();
  inCells();
  pen.clip(maskShape.cells);
  pen.setTransform(1, 0, 0, 1, shift, 0);
  pen.fillStyle = checkPattern(pen);
  pen.fillRect(-shift, 0, overlay.width, overlay.height);
  pen.restore();
}

function drawGrid(pen, scale) {
  pen.setTransform(1, 0, 0, 1, view.x * scale, view.y * scale);
  const cell = view.cell * scale, right = doc.width * cell, bottom = doc.height * cell;
  for (let i = 1; i < Math.max(doc.width, doc.height); i++) {
    pen.fillStyle = i % 8 ? "rgba(128, 128, 128, .35)" : "rgba(128, 128, 128, .85)";
    const line = Math.round(i * cell);
    if (i < doc.width) pen.fillRect(line, 0, 1, bottom);
    if (i < doc.height) pen.fillRect(0, line, right, 1);
  }
}

function drawMirrorLine(pen, scale) {
  pen.setTransform(scale, 0, 0, scale, view.x * scale, view.y * scale);
  const middle = doc.width * view.cell / 2;
  for (const [style, offset] of [["#fff", 0], ["#c0006a", 4]]) {
    pen.strokeStyle = style;
    pen.lineWidth = 1.5;
    pen.setLineDash([4, 4]);
    pen.lineDashOffset = offset;
    pen.beginPath();
    pen.moveTo(middle, 0);
    pen.lineTo(middle, doc.height * view.cell);
    pen.stroke();
  }
  pen.setLineDash([]);
}

const accent = () => getComputedStyle(stage).getPropertyValue("--color-accent") || "#6366f1";

// The cells that a press would change: dark and light, so that it shows on any picture.
function drawCursor(pen, scale, [x, y], width, light) {
  const size = hasSize(tool) ? brushSize : 1, offset = (size - 1) >> 1;
  pen.setTransform(scale, 0, 0, scale, view.x * scale, view.y * scale);
  const box = [(x - offset) * view.cell, (y - offset) * view.cell, size * view.cell, size * view.cell];
  for (const [line, style] of [[width + 4, "#fff"], [width + 2, "rgba(0, 0, 0, .75)"], [width, light]]) {
    pen.lineWidth = line;
    pen.strokeStyle = style;
    pen.strokeRect(...box);
  }
}

function march() {
  if (!element.isConnected) return clearInterval(marching);
  if (!maskShape || document.hidden || stillMotion.matches || !stage.clientWidth) return;
  phase = (phase + 1) % (CHECK * 2);
  drawOverlay();
}
const marching = setInterval(march, 120);
