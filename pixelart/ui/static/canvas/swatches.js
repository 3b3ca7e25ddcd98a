// The colours beside the canvas, and the chosen one.

import { FREE_COLOURS, colourOf, describeColour, hexOf, middleColour, swatchNameOf } from "./colours.js";

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
  canvas.$(".free-colour").addEventListener("input", ({ target }) => swatches.choose(colourOf(target.value.slice(1))));
}

export class Swatches {
  chosen = null;    // the colour that the visitor has chosen; another palette does not change it

  constructor(canvas) {
    this.canvas = canvas;
  }

  // Shows a model's colours; if there are none, any colour can be chosen.
  setPalette(names) {
    const isFree = names.length === 0, shown = isFree ? FREE_COLOURS : names;
    this.canvas.$(".free").hidden = !isFree;
    this.canvas.$(".swatches").replaceChildren(...["", ...shown].map(swatchFor));
    this.#set(this.chosen || middleColour(shown));
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
    if (colour[3]) canvas.$(".free-colour").value = css;
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
