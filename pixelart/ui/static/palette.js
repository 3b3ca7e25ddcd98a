// Chooses which colours may be drawn. The value is {colours: ["", "rrggbb", ...], allowed: [true, ...]}; "" is
// transparent.

import { makeToolbar, setStop } from "./canvas/toolbars.js";
import { encode } from "./canvas/value.js";

export function start({ element, props, trigger, onValue, constants }) {
  const palette = new Palette(element, props, trigger);
  palette.listen();
  element.querySelector(".file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    const bytes = new Uint8Array(await file.slice(0, constants.mostBytes + 1).arrayBuffer());
    target.value = "";
    trigger("upload", { name: file.name, data: encode(bytes) });    // Python checks the size
  });
  onValue((value) => palette.show(value));
}

class Palette {
  shown = null;       // the colours that have swatches now
  drag = null;        // {index, on}: where a drag started, and whether it turns colours on
  dragged = false;

  constructor(element, props, trigger) {
    Object.assign(this, { element, props, trigger, swatches: element.querySelector(".swatches") });
    makeToolbar(this.swatches);
  }

  show(value) {
    const { colours = [], allowed = [] } = value || {}, key = JSON.stringify(colours);
    if (key !== this.shown) {
      this.swatches.replaceChildren(...colours.map(swatchFor));
      setStop(this.swatches);
    }
    this.shown = key;
    allowed.forEach((on, i) => this.swatches.children[i].setAttribute("aria-pressed", on));
    this.element.querySelector(".head").hidden = !colours.length;
    this.element.querySelector(".count").textContent = `${allowed.filter(Boolean).length} of ${colours.length}`;
  }

  set(change) {
    const { colours, allowed } = this.props.value;
    this.props.value = { colours, allowed: allowed.map(change) };
    this.show(this.props.value);
    this.trigger("input");
  }

  // A click turns a colour on or off; dragging the mouse does the same to all that it crosses. A finger scrolls.
  listen() {
    this.swatches.addEventListener("pointerdown", (event) => {
      const index = this.#indexUnder(event), canDrag = event.pointerType === "mouse" && index !== null;
      this.dragged = false;
      this.drag = canDrag ? { index, on: !this.props.value.allowed[index] } : null;
    });
    this.swatches.addEventListener("pointermove", (event) => {
      const index = this.#indexUnder(event), { drag } = this;
      if (!drag || !event.buttons || index === null || (index === drag.index && !this.dragged)) return;
      this.dragged = true;
      this.set((v, i) => (i === index || i === drag.index ? drag.on : v));
    });
    addEventListener("pointerup", () => { this.drag = null; });
    this.element.addEventListener("click", (event) => this.#click(event));
  }

  #click({ target, detail }) {
    const button = target.closest("button");
    if (!button) return;
    const { dataset } = button;
    if ("load" in dataset) this.element.querySelector(".file").click();
    else if (dataset.set) this.set(() => dataset.set === "all");
    else if (!this.dragged || detail === 0) this.set((v, i) => (i === Number(dataset.index) ? !v : v));
  }

  #indexUnder({ clientX, clientY }) {
    const under = document.elementFromPoint(clientX, clientY)?.closest?.("[data-index]");
    return under && this.swatches.contains(under) ? Number(under.dataset.index) : null;
  }
}

function swatchFor(hex, index) {
  const swatch = document.createElement("button");
  swatch.type = "button";
  swatch.className = hex ? "swatch" : "swatch clear";
  if (hex) swatch.style.background = "#" + hex;
  swatch.dataset.index = index;
  swatch.title = hex ? "#" + hex : "Transparent";
  swatch.setAttribute("aria-label", hex ? "Colour #" + hex : "Transparent");
  return swatch;
}
