// Dialogs: a new picture, the size of the canvas, and the list of keys.

import { keysOf } from "./buttons.js";
import { CLEAR } from "./picture.js";
import { LEAST_SIDE, filledPicture, resized } from "./documents.js";
import { keyName } from "./words.js";

// What keys and buttons do besides the tables.
const GESTURES = [
  ["Pan", "Space and drag, or the middle button"], ["Zoom", "Wheel"], ["Pick a colour", "Alt and press"],
  ["Erase, unmask", "Right button"], ["Line from the last point", "Shift and press, with the pencil"],
  ["Move cursor or selection", "Arrow keys; Shift: by 8"], ["Paint at the cursor", "Space or Enter"],
  ["Cancel a shape", "Escape"], ["Put a result on the canvas", "1 to 9"], ["Level of the Wild brush", "1 to 5"],
  ["Menu of a result", "Right button or long press"], ["Touch: undo", "Tap with two fingers"],
  ["Touch: redo", "Tap with three fingers"], ["Touch: zoom and pan", "Two fingers"],
];

const sizeIn = (form) => [form.elements.width, form.elements.height].map((input) => Number(input.value));

function openSized(canvas, name, [width, height]) {
  const dialog = canvas.$(`dialog.${name}`), { elements } = dialog.querySelector("form");
  if (!canvas.canEdit) return;
  for (const [input, side] of [[elements.width, width], [elements.height, height]]) {
    Object.assign(input, { min: Math.min(LEAST_SIDE, side), max: canvas.limits.side, value: side });
  }
  if (elements.fill) elements.fill.value = "clear";
  if (elements.anchor) elements.anchor.value = "0.5 0.5";
  dialog.showModal();
  elements.width.select();
}

export const openNew = (canvas) => openSized(canvas, "new", canvas.newSize);

export const openCanvasSize = (canvas) => canvas.picture && openSized(canvas, "canvas-size", [canvas.picture.width, canvas.picture.height]);

export function openKeys(canvas) {
  const dialog = canvas.$("dialog.keys");
  dialog.showModal();
  dialog.scrollTop = 0;    // on a phone, the focus on Close has scrolled it to its end
}

export function listenToDialogs(canvas) {
  const onSubmit = (name, change) => {
    const form = canvas.$(`dialog.${name} form`);
    form.addEventListener("submit", ({ submitter }) => { if (submitter?.value !== "cancel") change(form); });
  };
  onSubmit("new", (form) => {
    const [width, height] = sizeIn(form), colour = form.elements.fill.value === "colour" ? canvas.brush.colour : CLEAR;
    canvas.replace(() => filledPicture(width, height, colour));
  });
  onSubmit("canvas-size", (form) => {
    const anchor = form.elements.anchor.value.split(" ").map(Number);
    canvas.replace((picture) => resized(picture, ...sizeIn(form), anchor));
  });
  canvas.$(".key-list").replaceChildren(...keyRows(canvas).map(rowFor));
}

// [what, keys] of everything that has a key.
export function keyRows({ tools, commands }) {
  const keyed = [...tools, ...commands].filter((entry) => keysOf(entry).length);
  return [...keyed.map((entry) => [entry.label, keysOf(entry).map(keyName).join(" or ")]), ...GESTURES];
}

function rowFor([what, keys]) {
  const row = document.createElement("div");
  for (const [tag, text] of [["dt", what], ["dd", keys]]) row.append(Object.assign(document.createElement(tag), { textContent: text }));
  return row;
}
