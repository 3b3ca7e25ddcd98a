// What the tools do to the document.

let tool = "pencil", brushSize = 1, mirror = false;

const hasSize = (name) => !["pick", "fill", "inspect"].includes(name);
const isInside = (x, y) => x >= 0 && y >= 0 && x < doc.width && y < doc.height;

// The opposite of a tool, held by Shift or the right button.
const oppositeOf = (name) => ({ mask: "unmask", unmask: "mask", pencil: "eraser" })[name] || name;

function setTool(name) {
  const before = tool;
  tool = name;
  if (name === "mask" || name === "unmask") setMaskFilled(true);
  for (const button of $$("[data-tool]")) {
    button.classList.toggle("on", button.dataset.tool === name);
    button.setAttribute("aria-pressed", button.dataset.tool === name);
  }
  if (name === "inspect") enterInspect(before);
  else if (before === "inspect") look();
  drawOverlay();
}

function setMaskFilled(on) {
  maskFilled = on;
  toggle("show", on);
}

function setBrushSize(size) {
  brushSize = Math.min(16, Math.max(1, size));
  $(".size").value = brushSize;
  $(".size-text").textContent = brushSize;
  drawOverlay();
}

function toggle(name, on) {
  const button = $(`[data-do="${name}"]`);
  button.classList.toggle("on", on);
  button.setAttribute("aria-pressed", on);
  drawOverlay();
}

function setCell(name, x, y) {
  if (!isInside(x, y)) return;
  const i = y * doc.width + x;
  if (name === "mask" || name === "unmask") doc.mask[i] = Number(name === "mask");
  else doc.pixels.set(name === "eraser" ? [0, 0, 0, 0] : colour, i * 4);
}

function dab(name, x, y) {
  const offset = (brushSize - 1) >> 1;
  for (let j = y - offset; j < y - offset + brushSize; j++) for (let i = x - offset; i < x - offset + brushSize; i++) {
    setCell(name, i, j);
    if (mirror) setCell(name, doc.width - 1 - i, j);
  }
}

// Bresenham's line: no gaps whatever the rate of the pointer's events.
function line(name, [x, y], [endX, endY]) {
  const dx = Math.abs(endX - x), dy = -Math.abs(endY - y), sx = x < endX ? 1 : -1, sy = y < endY ? 1 : -1;
  let error = dx + dy;
  for (;;) {
    dab(name, x, y);
    if (x === endX && y === endY) return;
    const twice = 2 * error;
    if (twice >= dy) { error += dy; x += sx; }
    if (twice <= dx) { error += dx; y += sy; }
  }
}

// A pixel that is not seen has no colour.
function pixelAt(x, y) {
  const i = (y * doc.width + x) * 4;
  return doc.pixels[i + 3] ? [...doc.pixels.slice(i, i + 4)] : [0, 0, 0, 0];
}

// The colour under the pointer, exactly, whether the model has it or not.
function pick(x, y) {
  if (isInside(x, y)) chooseColour(pixelAt(x, y));
}

// Fills the 4-connected area of one colour, and the one opposite where painting is mirrored.
function fillFrom(x, y) {
  fill(x, y);
  if (mirror) fill(doc.width - 1 - x, y);
}

function fill(x, y) {
  if (!isInside(x, y)) return;
  const key = (px, py) => pixelAt(px, py).join();
  const from = key(x, y), cells = [[x, y]];
  if (from === colour.join()) return;
  while (cells.length) {
    const [cx, cy] = cells.pop();
    if (!isInside(cx, cy) || key(cx, cy) !== from) continue;
    doc.pixels.set(colour, (cy * doc.width + cx) * 4);
    cells.push([cx + 1, cy], [cx - 1, cy], [cx, cy + 1], [cx, cy - 1]);
  }
}

const COMMANDS = {
  undo, redo, fit,
  blank: newPicture,
  show: () => setMaskFilled(!maskFilled),
  invert: () => edit(() => { doc.mask = doc.mask.map((v) => 1 - v); }),
  clear: () => edit(() => doc.mask.fill(0)),
  grid: () => { showGrid = !showGrid; toggle("grid", showGrid); },
  tile: () => setTiled(!tiled),
  mirror: () => { mirror = !mirror; toggle("mirror", mirror); },
  in: () => zoomIn(),
  out: () => zoomOut(),
  smaller: () => setBrushSize(brushSize - 1),
  larger: () => setBrushSize(brushSize + 1),
  import: () => $(".file").click(),
};
