// The panel of colours beside the canvas: the model's, the picture's, a known palette or the visitor's own, and the
// chosen colour.

import { FREE_COLOURS, MODEL, OWN, PICTURE, colourOf, describeColour, hexOf, middleColour, swatchNameOf } from "./colours.js";
import { inRamps } from "./oklab.js";
import { addedText, coloursText, paletteOf, withMore } from "./palettes.js";
import { setPressed, commandButton } from "./toolbars.js";

const CAPTIONS = { lock: "Draw only these", removeOwn: "Remove", clearOwn: "Clear" };
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export function listenToSwatches(canvas) {
  const { swatches } = canvas;
  canvas.element.addEventListener("click", ({ target }) => {
    const swatch = target.closest(".swatch");
    if (swatch && canvas.picture) swatches.press(swatch);
  });
  // All swatches are one Tab stop; arrow keys move between them.
  canvas.$(".swatches").addEventListener("keydown", (event) => {
    const step = STEPS[event.key], all = canvas.$$(".swatch");
    if (!step) return;
    event.preventDefault();
    const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
    swatches.press(next);
    next.focus();
  });
  for (const name in CAPTIONS) commandButton(canvas, name).append(CAPTIONS[name]);
  const select = canvas.$(".source");
  for (const { name } of canvas.knownPalettes) select.append(new Option(name, name));
  select.addEventListener("change", () => swatches.setSource(select.value));
}

export class Swatches {
  chosen = null;      // the colour that the visitor has chosen; another palette does not change it
  model = [];         // the model's colours; none: any colour
  own = [];           // the visitor's own
  source = MODEL;     // whose colours are shown: MODEL, PICTURE, OWN or the name of a known palette
  isSorted = false;   // in ramps
  isLocked = false;   // the model draws in these colours only
  #shown = null;
  #drawnIn = {};      // the colours that the model may draw in

  constructor(canvas) {
    this.canvas = canvas;
  }

  // Shows a model's colours; if there are none, any colour can be chosen.
  setPalette(names) {
    this.model = names;
    this.refresh();
    this.#showLock();
    this.#set(this.chosen || middleColour(names.length ? names : FREE_COLOURS));
  }

  // The colours of a source, as given.
  coloursOf(source) {
    if (source === MODEL) return this.model.length ? this.model : FREE_COLOURS;
    if (source === OWN) return this.own;
    if (source === PICTURE) return this.canvas.picture ? paletteOf(this.canvas.picture) : [];
    return this.canvas.knownPalettes.find(({ name }) => name === source)?.colours || [];
  }

  get colours() { return this.coloursOf(this.source); }

  setSource(source) {
    this.source = this.canvas.$(".source").value = source;
    this.refresh();
    this.canvas.exchange.publish();
    if (this.isLocked && this.colours.length) this.lock(true);
  }

  // Restores what the browser has stored.
  putBack({ own, source, isSorted }) {
    const select = this.canvas.$(".source");
    this.own = own;
    this.source = [...select.options].some(({ value }) => value === source) ? source : MODEL;
    select.value = this.source;
    this.setSorted(isSorted);
  }

  setSorted(on) {
    this.isSorted = on;
    setPressed(commandButton(this.canvas, "ramps"), on);
    this.refresh();
  }

  // Adds colours to the visitor's own.
  add(names) { this.#setOwn(withMore(this.own, names), addedText(this.own, names)); }

  // Removes the chosen colour from the visitor's own.
  removeOwn() {
    const { colour } = this.canvas.brush, name = swatchNameOf(colour), text = describeColour(colour);
    if (!this.own.includes(name)) return this.canvas.say(`${text} is not in My colours.`);
    this.#setOwn(this.own.filter((other) => other !== name), `${text} removed from My colours.`);
  }

  clearOwn() { this.#setOwn([], `${coloursText(this.own.length)} removed from My colours.`); }

  // Changes the visitor's own colours and shows them.
  #setOwn(names, text) {
    this.own = names;
    this.setSource(OWN);
    this.canvas.say(text);
  }

  // Has the model draw in the shown colours only, or in all.
  lock(on) {
    const { canvas, colours } = this;
    if (on && !colours.length) canvas.say("No colours are shown.");
    else canvas.trigger("lock", { on, colours: on ? colours : [] });
  }

  // Python tells what the model may draw: {colours, allowed}, as in palette.js.
  showLock(value) {
    this.#drawnIn = value || {};
    this.#showLock();
  }

  #showLock() {
    const { colours = [], allowed = [] } = this.#drawnIn, names = colours.filter(Boolean);
    this.isLocked = names.length > 0 && (!allowed.every(Boolean) || names.join() !== this.model.join());
    setPressed(commandButton(this.canvas, "lock"), this.isLocked);
  }

  // Shows the colours, if others are shown; those of the picture change with it.
  refresh() {
    const { colours } = this, names = this.isSorted ? inRamps(colours) : colours, key = names.join();
    const box = this.canvas.$(".swatches"), bar = this.canvas.$(".own-bar"), { activeElement } = document;
    bar.hidden = this.source !== OWN || !this.own.length;
    const hasFocus = box.contains(activeElement) || (bar.hidden && bar.contains(activeElement));
    this.canvas.$(".no-colours").hidden = names.length > 0;
    if (key === this.#shown) return;
    this.#shown = key;
    box.replaceChildren(...["", ...names].map(swatchFor));
    if (this.canvas.brush.colour) this.#set(this.canvas.brush.colour);
    if (hasFocus) this.canvas.$$(".swatch").find(({ tabIndex }) => tabIndex === 0)?.focus();
  }

  choose(colour) {
    this.chosen = colour;
    this.#set(colour);
  }

  press(swatch) {
    const { canvas } = this;
    this.choose(colourOf(swatch.dataset.colour));
    if (!canvas.tool.coloured) canvas.setTool(canvas.tools.find((tool) => tool.coloured));
  }

  #set(colour) {
    const { canvas } = this, css = "#" + hexOf(colour), name = swatchNameOf(colour), current = canvas.$(".current");
    canvas.brush.colour = colour;
    const all = canvas.$$(".swatch"), chosen = all.find((swatch) => swatch.dataset.colour === name);
    for (const swatch of all) {
      swatch.classList.toggle("on", swatch === chosen);
      swatch.setAttribute("aria-checked", swatch === chosen);
      swatch.tabIndex = swatch === (chosen || all[0]) ? 0 : -1;
    }
    current.style.background = colour[3] ? css : "";
    current.title = describeColour(colour);
    current.setAttribute("aria-label", "Now: " + current.title);
    canvas.picker?.show(colour);
  }
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
