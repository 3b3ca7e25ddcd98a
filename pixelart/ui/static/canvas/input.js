// Mouse, pen, touch, wheel, and pictures that are dropped, pasted or chosen.

const BUSY = "The model is drawing. Stop it first.";
const IMPORTING = 120000;    // until Python has answered, which ends it
const touches = new Map();
let stroke = null;           // {name: tool, last: cell, before: document, byKey}
let lastPoint = null;        // where the last stroke of the pencil or the eraser ended: Shift draws a line from there
let panning = null, pinch = null, spaceHeld = false, pointerDown = false;

function cellAt(event) {
  const box = stage.getBoundingClientRect();
  return [Math.floor((event.clientX - box.left - view.x) / view.cell), Math.floor((event.clientY - box.top - view.y) / view.cell)];
}

function toolFor(event) {
  if (event.altKey && tool !== "mask" && tool !== "unmask") return "pick";
  return event.button === 2 || (event.shiftKey && isMaskTool(tool)) ? oppositeOf(tool) : tool;
}

const isMaskTool = (name) => name === "mask" || name === "unmask";

function startOfLine(event, name, at) {
  return event.shiftKey && !isMaskTool(name) && lastPoint && isInside(...lastPoint) ? lastPoint : at;
}

function startStroke(name, at, byKey = false, from = at) {
  if (isBusy()) return say(BUSY);
  if (name === "pick") return pick(...at);
  if (name === "inspect") return byKey ? paintLikely(0) : pressInspected(at);
  if (name === "fill") return edit(() => fillFrom(...at));
  if ((name === "mask" || name === "unmask") && !maskFilled) setMaskFilled(true);
  stroke = { name, last: at, before: copyOf(doc), byKey };
  line(name, from, at);
  refresh();
}

function strokeTo(at) {
  line(stroke.name, stroke.last, at);
  stroke.last = at;
  refresh();
}

function endStroke() {
  if (!stroke) return;
  const { before, name, last } = stroke;
  stroke = null;
  if (!isMaskTool(name)) lastPoint = last;
  addStep(before);
  refresh();
}

// A second finger means zoom or pan: what the first one painted is taken back.
function startPinch() {
  if (stroke) { doc = stroke.before; stroke = null; refresh(); }
  pressed = null;
  pinch = fingers();
}

function fingers() {
  const [a, b] = [...touches.values()], box = stage.getBoundingClientRect();
  return { gap: Math.hypot(a.x - b.x, a.y - b.y) || 1, x: (a.x + b.x) / 2 - box.left, y: (a.y + b.y) / 2 - box.top, cell: view.cell };
}

function movePinch() {
  const now = fingers();
  panBy(now.x - pinch.x, now.y - pinch.y);
  if (Math.abs(now.gap / pinch.gap - 1) > 0.04) zoomTo(pinch.cell * now.gap / pinch.gap, [now.x, now.y]);
  pinch = { ...pinch, x: now.x, y: now.y };
}

stage.addEventListener("pointerdown", (event) => {
  if (!doc) return;
  event.preventDefault();
  pointerDown = true;
  stage.focus({ preventScroll: true });
  pointerDown = false;
  hideCursor();
  stage.setPointerCapture(event.pointerId);
  if (event.pointerType === "touch") touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (touches.size === 2) startPinch();
  else if (event.button === 1 || spaceHeld) panning = { x: event.clientX, y: event.clientY };
  else if (!stroke && touches.size < 2) {
    const name = toolFor(event), at = cellAt(event);
    startStroke(name, at, false, startOfLine(event, name, at));
  }
});

stage.addEventListener("pointermove", (event) => {
  if (!doc) return;
  if (touches.has(event.pointerId)) touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (pinch && touches.size === 2) return movePinch();
  if (panning) {
    panBy(event.clientX - panning.x, event.clientY - panning.y);
    panning = { x: event.clientX, y: event.clientY };
    return;
  }
  if (stroke?.byKey || (cursor && !event.movementX && !event.movementY)) return;  // the page moved, not the pointer
  const at = cellAt(event);
  hideCursor();
  showPosition(at, event.pointerType);
  if (stroke) strokeTo(at);
  else drawOverlay();
});

function release(event) {
  touches.delete(event.pointerId);
  if (touches.size < 2) pinch = null;
  panning = null;
  endStroke();
  if (event.type === "pointerup") releaseInspected();
  pressed = null;
}
stage.addEventListener("pointerup", release);
stage.addEventListener("pointercancel", release);
stage.addEventListener("pointerleave", () => { hover = null; $(".position").textContent = ""; drawOverlay(); });
stage.addEventListener("contextmenu", (event) => event.preventDefault());

function showPosition(at, kind) {
  const inside = isInside(...at);
  hover = inside && kind !== "touch" ? at : null;
  lookAt(at);
  $(".position").textContent = inside ? at[0] + ", " + at[1] : "";
}

// Zooming out further than the whole picture leaves the wheel to the page.
stage.addEventListener("wheel", (event) => {
  if (!doc || (event.deltaY > 0 && view.cell <= fitCell())) return;
  event.preventDefault();
  const box = stage.getBoundingClientRect(), centre = [event.clientX - box.left, event.clientY - box.top];
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) panBy(-event.deltaX || -event.deltaY, 0);
  else if (event.deltaY < 0) zoomIn(centre);
  else zoomOut(centre);
}, { passive: false });

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !doc) return;
  if (button.dataset.tool) chooseTool(button.dataset.tool);
  if (button.dataset.do) COMMANDS[button.dataset.do]();
  if (button.dataset.rank) paintLikely(+button.dataset.rank);
  if (button.classList.contains("swatch")) chooseSwatch(button.dataset.colour);
});

function chooseSwatch(hex) {
  chooseColour(hex ? colourOf(hex) : [0, 0, 0, 0]);
  if (tool !== "fill") setTool("pencil");
}

// One stop of the Tab key for all swatches; the arrows go from one to the next.
$(".swatches").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key], all = $$(".swatch");
  if (!step) return;
  event.preventDefault();
  const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
  chooseSwatch(next.dataset.colour);
  next.focus();
});

$(".size").addEventListener("input", (event) => setBrushSize(+event.target.value));
$(".free-colour").addEventListener("input", (event) => chooseColour(colourOf(event.target.value.slice(1))));

const mebibytes = (bytes) => Number((bytes / 2 ** 20).toFixed(1)) + " MiB";
$('[data-do="import"]').title += ` (at most ${LIMITS.side} x ${LIMITS.side} pixels, ${mebibytes(LIMITS.fileBytes)})`;

// The file's own bytes go to Python: a browser's decoder would change colours (colour management) and alpha.
async function importFile(file) {
  if (!file) return;
  if (isBusy()) return say(BUSY);
  if (file.size > LIMITS.fileBytes) return say(`${file.name}: ${mebibytes(file.size)}; the limit is ${mebibytes(LIMITS.fileBytes)}`);
  say("Importing " + file.name, IMPORTING);
  trigger("upload", { name: file.name, data: encode(new Uint8Array(await file.arrayBuffer())) });
}

const pictureIn = (transfer) => [...(transfer?.files || [])].find((file) => file.type.startsWith("image/"));
$(".file").addEventListener("change", (event) => { importFile(event.target.files[0]); event.target.value = ""; });
stage.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("drop"); });
stage.addEventListener("dragleave", () => stage.classList.remove("drop"));
stage.addEventListener("drop", (event) => {
  event.preventDefault();
  stage.classList.remove("drop");
  importFile(pictureIn(event.dataTransfer));
});
document.addEventListener("paste", (event) => {
  const file = pictureIn(event.clipboardData);
  if (file && element.isConnected && stage.clientWidth && !isTyping(event.target)) importFile(file);
});
