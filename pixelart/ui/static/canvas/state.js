// The document, its undo steps and its colours. The canvas script is the files of this folder, joined in the
// order that components.py names; they share one scope with gradio's element, props, trigger and watch.

const $ = (selector) => element.querySelector(selector);
const $$ = (selector) => [...element.querySelectorAll(selector)];
const UNDO_LIMIT = 200, UNDO_BYTES = 64 * 2 ** 20;
const FREE_COLOURS = ("000000 222034 45283c 663931 8f563b df7126 d9a066 eec39a fbf236 99e550 6abe30 37946e 4b692f " +
  "524b24 323c39 3f3f74 306082 5b6ee1 639bff 5fcde4 cbdbfc ffffff 9badb7 847e87 696a6a 595652 76428a ac3232 " +
  "d95763 d77bba 8f974a 8a6f30").split(" ");

let doc = null;              // {width, height, pixels: RGBA bytes, mask: 0 or 1 a pixel}
let undoSteps = [], redoSteps = [];
let beforePreview = null;    // the document that undo goes back to while a drawing is streamed in
let colours = FREE_COLOURS, freeColours = true;
let colour = null;           // [r, g, b, alpha]; [0, 0, 0, 0] for transparent
let chosenColour = null;     // the same, where the visitor has chosen it: another model does not change it
let newSize = [32, 32];      // of a new picture

function emptyDocument(width, height) {
  return { width, height, pixels: new Uint8ClampedArray(width * height * 4), mask: new Uint8Array(width * height) };
}

function copyOf(source) {
  return { ...source, pixels: source.pixels.slice(), mask: source.mask.slice() };
}

function sameBytes(a, b) {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function sameDocument(a, b) {
  return a.width === b.width && a.height === b.height && sameBytes(a.mask, b.mask) && sameBytes(a.pixels, b.pixels);
}

// Makes one undo step out of everything that changed since `before`.
function addStep(before) {
  if (!sameDocument(before, doc)) {
    undoSteps.push(before);
    undoSteps = newestOf(undoSteps.slice(-UNDO_LIMIT), UNDO_BYTES)[0];
    redoSteps = [];
  }
  publish();
}

function edit(change) {
  if (!doc || isBusy()) return;
  const before = copyOf(doc);
  change();
  addStep(before);
  refresh();
}

function travel(from, to) {
  if (!from.length || isBusy() || stroke) return;
  to.push(doc);
  doc = from.pop();
  publish();
  resetViewIfResized(to[to.length - 1]);
  refresh();
}

// An empty picture of the size that the model draws.
function newPicture() {
  if (!doc || isBusy() || stroke) return;
  const before = doc;
  doc = emptyDocument(...newSize);
  addStep(before);
  resetViewIfResized(before);
  refresh();
}

const undo = () => travel(undoSteps, redoSteps);
const redo = () => travel(redoSteps, undoSteps);
const isBusy = () => beforePreview !== null;

const hexOf = ([r, g, b]) => [r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("");
const colourOf = (hex) => [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)).concat(255);

function setColour(next) {
  colour = next;
  const name = next[3] === 255 ? hexOf(next) : "", css = "#" + hexOf(next), seen = Math.round(next[3] / 2.55);
  const swatches = $$(".swatch"), chosen = swatches.find((swatch) => swatch.dataset.colour === name && (name || !next[3]));
  for (const swatch of swatches) {
    swatch.classList.toggle("on", swatch === chosen);
    swatch.setAttribute("aria-checked", swatch === chosen);
    swatch.tabIndex = swatch === (chosen || swatches[0]) ? 0 : -1;
  }
  $(".current").style.background = next[3] ? css : "";
  $(".current").title = next[3] ? "Colour " + css + (next[3] < 255 ? `, ${seen} % opaque` : "") : "Transparent";
  $(".current").setAttribute("aria-label", "Now: " + $(".current").title);
  if (next[3]) $(".free-colour").value = css;
}

function chooseColour(next) {
  chosenColour = next;
  setColour(next);
}

function setPalette(hexColours) {
  freeColours = hexColours.length === 0;
  colours = freeColours ? FREE_COLOURS : hexColours;
  $(".free").hidden = !freeColours;
  $(".swatches").replaceChildren(...["", ...colours].map(swatchFor));
  setColour(chosenColour || colourOf(colours[Math.min(colours.length - 1, colours.length >> 1)]));
}

function swatchFor(hex) {
  const swatch = document.createElement("button");
  swatch.type = "button";
  swatch.className = hex ? "swatch" : "swatch clear";
  swatch.dataset.colour = hex;
  swatch.style.background = hex ? "#" + hex : "";
  swatch.title = hex ? "#" + hex : "Transparent";
  swatch.setAttribute("role", "radio");
  swatch.setAttribute("aria-label", hex ? "Colour #" + hex : "Transparent");
  return swatch;
}
