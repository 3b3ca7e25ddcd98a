// Stores the document, its undo steps and the tools in the browser (static/work.js) after every change, and restores
// them when the page opens. They are checked, because they may come from another version or from anybody.

const KEPT_BYTES = 8 * 2 ** 20;

const bytesOf = (source) => source.pixels.length + source.mask.length;

// The newest steps that there is room for, and how much is left.
function newestOf(steps, room) {
  let first = steps.length;
  while (first > 0 && bytesOf(steps[first - 1]) <= room) room -= bytesOf(steps[first -= 1]);
  return [steps.slice(first), room];
}

function keepWork() {
  const now = beforePreview || doc;
  const [undo, room] = newestOf(undoSteps, KEPT_BYTES - bytesOf(now)), [redo] = newestOf(redoSteps, room);
  window.work?.keep("canvas", { now, undo, redo, tools: { tool, brushSize, colour: chosenColour, mirror, showGrid, maskFilled } });
}

function isDocument(value) {
  const isSide = (side) => Number.isInteger(side) && side >= 1 && side <= LIMITS.side;
  if (!isSide(value?.width) || !isSide(value?.height)) return false;
  const { pixels, mask } = value, size = value.width * value.height;
  return pixels instanceof Uint8ClampedArray && pixels.length === size * 4 &&
    mask instanceof Uint8Array && mask.length === size && mask.every((v) => v <= 1);
}

const areSteps = (value) => Array.isArray(value) && value.length <= UNDO_LIMIT && value.every(isDocument);
const isColour = (value) => Array.isArray(value) && value.length === 4 && value.every((v) => Number.isInteger(v) && v >= 0 && v <= 255);

// Whether there was a painting that could be put back.
function putBack(value) {
  if (doc || !isDocument(value?.now)) return false;
  doc = value.now;
  if (areSteps(value.undo) && areSteps(value.redo)) { undoSteps = value.undo; redoSteps = value.redo; }
  putBackTools(value.tools || {});
  publish();
  fit();
  refresh();
  return true;
}

function putBackTools(kept) {
  if (isColour(kept.colour)) chooseColour(kept.colour);
  if (Number.isInteger(kept.brushSize)) setBrushSize(kept.brushSize);
  if (kept.tool !== "inspect" && $$("[data-tool]").some((button) => button.dataset.tool === kept.tool)) setTool(kept.tool);
  if (kept.maskFilled === false) setMaskFilled(false);
  if (kept.mirror === true) COMMANDS.mirror();
  if (kept.showGrid === true) COMMANDS.grid();
}

// The component that keeps it may be there only after this one.
async function putBackWork() {
  for (let tries = 0; !window.work && tries < 100; tries += 1) await new Promise((resolve) => { setTimeout(resolve, 20); });
  const value = await window.work?.part("canvas");
  window.work?.paintingIsBack(putBack(value));
}
