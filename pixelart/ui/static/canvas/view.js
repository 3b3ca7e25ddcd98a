// Shows the picture, zoomed and panned. The picture's own canvas stays at picture size and is enlarged by
// image-rendering: pixelated, and so is the map of Inspect above it; the overlay and the
// cursor's layer have the size of the stage in device pixels.

import { Outline } from "./outline.js";
import { drawCursor, drawOverlay } from "./overlay.js";
import { sameSize } from "./picture.js";
import { TemperatureLayer } from "./temperature_layer.js";
import { commandButton } from "./toolbars.js";
import { MAX_CELL, cellThatFits, intoSight, keptInside, largerCell, onDevice, smallerCell, zoomed } from "./viewport.js";

const CHEQUER = 8;    // approximate side of a chequer square in CSS pixels; squares have whole cells
const PREVIEW_ROOM = 128;    // CSS pixels
const PREVIEW_EVERY = 100;    // milliseconds, during a stroke: a layer more in each frame would slow the pencil
const MARCH = 120, PHASES = 8;    // the moving patterns of mask and selection: milliseconds per step, and steps
const stillMotion = matchMedia("(prefers-reduced-motion: reduce)");

export class View {
  position = { cell: 0, x: 0, y: 0, fitted: true };    // see viewport.js
  grid = false;
  phase = 0;
  tiled = false;         // the picture is shown three by three
  maskShape = null;      // see outline.js
  selectionShape = null;
  previewedAt = 0;       // when the small previews were drawn
  maskFilled = true;     // false: only the outline, so that the result is visible

  constructor(canvas) {
    this.canvas = canvas;
    this.stage = canvas.stage;
    this.temperatureLayer = new TemperatureLayer();
    this.outlines = [new Outline(), new Outline()];
    [this.pictureLayer, this.tilesLayer, this.heatLayer, this.overlay, this.cursorLayer] =
      [".picture", ".tiles", ".heat", ".overlay", ".cursor"].map((name) => canvas.$(name));
  }

  // Follows the size of the stage, and moves the patterns.
  start() {
    new ResizeObserver(() => {
      if (!this.canvas.picture || !this.canvas.isShown) return;
      if (this.position.fitted || !this.position.cell) this.fit();
      else this.place();
    }).observe(this.stage);
    this.marching = setInterval(() => this.#march(), MARCH);
  }

  get ratio() { return window.devicePixelRatio || 1; }
  get room() { return [this.stage.clientWidth, this.stage.clientHeight]; }
  get fittingCell() { return cellThatFits(this.canvas.picture, this.room, this.ratio, this.tiled); }

  fit() {
    if (!this.canvas.picture || !this.canvas.isShown) return;
    this.position = { cell: this.fittingCell, x: 0, y: 0, fitted: true };
    this.place();
  }

  zoomTo(cell, centre = this.room.map((length) => length / 2)) {
    const next = Math.min(MAX_CELL, onDevice(cell, this.ratio));
    if (next <= this.fittingCell) return this.fit();
    this.position = zoomed(this.position, next, centre);
    this.place();
  }

  zoomIn(centre) { this.zoomTo(largerCell(this.position.cell, this.ratio), centre); }
  zoomOut(centre) { this.zoomTo(smallerCell(this.position.cell, this.ratio), centre); }

  panBy(dx, dy) {
    const { cell, x, y } = this.position;
    this.position = { cell, x: x + dx, y: y + dy, fitted: false };
    this.place();
  }

  // Pans until a pixel is in sight.
  showCell(at) {
    const { cell, x, y } = this.position, [roomX, roomY] = this.room;
    const dx = intoSight(x + at[0] * cell, cell, roomX), dy = intoSight(y + at[1] * cell, cell, roomY);
    if (dx || dy) this.panBy(dx, dy);
  }

  place() {
    const { position, tiled, ratio } = this, { cell } = position, { picture } = this.canvas, [roomX, roomY] = this.room;
    const width = picture.width * cell, height = picture.height * cell;
    position.x = keptInside(position.x, width, roomX, ratio, tiled);
    position.y = keptInside(position.y, height, roomY, ratio, tiled);
    for (const layer of [this.pictureLayer, this.heatLayer]) putAt(layer, position.x, position.y, width, height);
    putAt(this.tilesLayer, position.x - width, position.y - height, 3 * width, 3 * height);
    const square = 2 * Math.max(1, Math.round(CHEQUER / cell)) * cell + "px";
    for (const layer of [this.pictureLayer, this.tilesLayer]) layer.style.backgroundSize = square + " " + square;
    const layerSize = { width: Math.round(roomX * ratio), height: Math.round(roomY * ratio) };
    for (const layer of [this.overlay, this.cursorLayer]) Object.assign(layer, layerSize);
    this.canvas.$(".zoom-level").textContent = "×" + Number(cell.toFixed(cell < 10 ? 1 : 0));
    this.drawOverlay();
  }

  cellAt({ clientX, clientY }) {
    const box = this.stage.getBoundingClientRect(), { cell, x, y } = this.position;
    return [Math.floor((clientX - box.left - x) / cell), Math.floor((clientY - box.top - y) / cell)];
  }

  setGrid(on) {
    this.grid = on;
    this.canvas.setSwitch("grid", on);
  }

  setMaskFilled(on) {
    this.maskFilled = on;
    this.canvas.setSwitch("show", on);
  }

  setTiled(on) {
    this.tiled = this.canvas.brush.tiled = on;
    this.canvas.$(".canvas").classList.toggle("tiled", on);
    this.canvas.setSwitch("tile", on);
    this.refresh();
    this.fit();
  }

  // Shows another picture than `before`.
  show(before) {
    if (!before || !sameSize(before, this.canvas.picture)) this.fit();
    this.refresh();
  }

  // Shows what has changed: pixels, mask, and which commands can be used.
  refresh() {
    const { canvas, pictureLayer } = this, { picture, history, isBusy } = canvas, { width, height } = picture;
    if (!sameSize(pictureLayer, picture)) Object.assign(pictureLayer, { width, height });
    const { buffer, byteOffset, length } = picture.pixels, shown = new Uint8ClampedArray(buffer, byteOffset, length);
    pictureLayer.getContext("2d").putImageData(new ImageData(shown, width, height), 0, 0);
    if (this.tiled) this.#drawTiles();
    this.#showPreviews();
    const before = this.#shapes;
    [this.maskShape, this.selectionShape] =
      [picture.mask, picture.selection].map((bits, i) => this.outlines[i].of(picture, bits));
    this.temperatureLayer.refresh(picture);
    commandButton(canvas, "undo").disabled = !(history.undoSteps.length || canvas.floating.isOpen) || isBusy;
    commandButton(canvas, "redo").disabled = !history.redoSteps.length || isBusy;
    commandButton(canvas, "clear").disabled = !this.maskShape;
    commandButton(canvas, "clearTemperature").disabled = !this.temperatureLayer.shapes.length;
    canvas.$(".canvas").classList.toggle("busy", isBusy);
    canvas.$(".canvas").classList.toggle("masked", Boolean(this.maskShape));
    if (canvas.inspect.isOn) canvas.inspect.look();
    if (canvas.strokes.isOpen && this.#shapes.every((shape, i) => shape === before[i])) this.drawCursor();
    else this.drawOverlay();
  }

  get #shapes() { return [this.maskShape, this.selectionShape, this.temperatureLayer.shapes]; }

  // The picture at one and two screen pixels a pixel; at two only if the column has room.
  #showPreviews() {
    const { width, height } = this.canvas.picture, now = performance.now();
    if (this.canvas.strokes.isOpen && now - this.previewedAt < PREVIEW_EVERY) return;
    this.previewedAt = now;
    this.canvas.$$(".previews canvas").forEach((shown, i) => {
      shown.hidden = i > 0 && 2 * width > PREVIEW_ROOM;
      if (shown.hidden) return;
      Object.assign(shown.style, { width: (i + 1) * width + "px", height: (i + 1) * height + "px" });
      emptyLayer(shown, width, height).drawImage(this.pictureLayer, 0, 0);
    });
  }

  // The eight neighbours: the middle is the picture's own canvas, on top.
  #drawTiles() {
    const { width, height } = this.canvas.picture, { tilesLayer } = this;
    const pen = emptyLayer(tilesLayer, 3 * width, 3 * height);
    for (let y = 0; y < 3; y++) for (let x = 0; x < 3; x++) {
      if (x !== 1 || y !== 1) pen.drawImage(this.pictureLayer, x * width, y * height);
    }
  }

  drawOverlay() {
    drawOverlay(this);
    drawCursor(this);
  }

  drawCursor() { drawCursor(this); }

  #march() {
    if (!this.canvas.element.isConnected) return clearInterval(this.marching);
    if (!this.maskShape && !this.selectionShape) return;
    if (document.hidden || stillMotion.matches || !this.canvas.isShown) return;
    this.phase = (this.phase + 1) % PHASES;
    this.drawOverlay();
  }
}

// The pen of a layer that is made empty. A canvas is only resized if it must be: that costs a frame much.
function emptyLayer(layer, width, height) {
  const pen = layer.getContext("2d");
  if (sameSize(layer, { width, height })) pen.clearRect(0, 0, width, height);
  else Object.assign(layer, { width, height });
  return pen;
}

export function putAt(layer, left, top, width, height) {
  Object.assign(layer.style, { left: left + "px", top: top + "px", width: width + "px", height: height + "px" });
}
