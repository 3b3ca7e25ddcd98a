// Hotkeys anywhere on the page, and a cursor that paints where the canvas has the keyboard's focus.

const KEYS = { b: "pencil", e: "eraser", i: "pick", g: "fill", m: "mask", u: "unmask", s: "inspect" };
const KEY_COMMANDS = { "[": "smaller", "]": "larger", "+": "in", "=": "in", "-": "out", 0: "fit", "#": "grid", t: "tile", x: "mirror", h: "show" };
const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
const LEAP = 8;
const CURSOR_HELP = "Arrow keys move (Shift: by 8). Space paints; hold it to draw a line.";
const isTyping = (target) => target.closest?.("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable=true]");

function showCursor(at) {
  cursor = at;
  hover = null;
  const visible = (offset, room) => (offset < 0 ? -offset : Math.min(0, room - offset - view.cell));
  const dx = visible(view.x + at[0] * view.cell, stage.clientWidth), dy = visible(view.y + at[1] * view.cell, stage.clientHeight);
  if (dx || dy) panBy(dx, dy);
  tellCursor();
  lookAt(at);
  drawOverlay();
}

function hideCursor() {
  cursor = null;
}

// Shown, and read out.
function tellCursor() {
  const [x, y] = cursor, colourThere = pixelAt(x, y);
  $(".position").textContent = x + ", " + y;
  $(".spoken").textContent = [x + ", " + y, colourThere[3] ? "#" + hexOf(colourThere) : "transparent",
    doc.mask[y * doc.width + x] ? "masked" : ""].filter(Boolean).join(", ");
}

function moveCursor([dx, dy], step) {
  const from = cursor || hover || middle(), within = (v, length) => Math.min(length - 1, Math.max(0, v));
  showCursor([within(from[0] + dx * step, doc.width), within(from[1] + dy * step, doc.height)]);
  if (stroke) strokeTo(cursor);
}

const middle = () => [doc.width >> 1, doc.height >> 1];

// Keys that mean something only on the focused canvas; whether this was one.
function onCanvasKey(event, key) {
  if (event.target !== stage || event.ctrlKey || event.metaKey) return false;
  if (ARROWS[key]) moveCursor(ARROWS[key], event.shiftKey && !stroke ? LEAP : 1);
  else if (key === "enter" && !cursor) showCursor(middle());
  else if ((key === " " || key === "enter") && cursor) {
    const name = toolFor(event);
    if (!event.repeat && !stroke) startStroke(name, cursor, true, startOfLine(event, name, cursor));
  }
  else return false;
  event.preventDefault();
  return true;
}

function endKeyStroke() {
  if (!stroke?.byKey) return;
  endStroke();
  if (cursor) tellCursor();
}

function onKey(event) {
  if (!element.isConnected) return document.removeEventListener("keydown", onKey);
  if (!doc || !stage.clientWidth || isTyping(event.target)) return;
  const key = event.key.toLowerCase();
  if (onCanvasKey(event, key)) return;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z" || key === "y") { event.preventDefault(); (key === "y" || event.shiftKey ? redo : undo)(); }
  } else if (event.key === " " && (event.target === stage || stage.matches(":hover"))) {
    event.preventDefault();
    spaceHeld = true;
  } else if (!event.altKey && KEYS[key]) chooseTool(KEYS[key]);
  else if (isInspecting() && key === "escape") chooseTool("inspect");
  else if (isInspecting() && !event.altKey && /^[1-5]$/.test(key)) paintLikely(key - 1);
  else if (!event.altKey && KEY_COMMANDS[key]) COMMANDS[KEY_COMMANDS[key]]();
}
document.addEventListener("keydown", onKey);
document.addEventListener("keyup", (event) => {
  if (event.key === " ") spaceHeld = false;
  if (event.key === " " || event.key === "Enter") endKeyStroke();
});
stage.addEventListener("focus", () => {
  if (!doc || pointerDown || !stage.matches(":focus-visible")) return;
  showCursor(middle());
  say(CURSOR_HELP);
});
stage.addEventListener("blur", () => {
  endKeyStroke();
  hideCursor();
  drawOverlay();
});
