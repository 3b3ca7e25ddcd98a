// The colour picker: a slider of hues, a field of saturation and value (OKHSV), a hexadecimal number, and ramps.

import { colourOf, hexOf } from "./colours.js";
import { place } from "./menus.js";
import { rampOf } from "./oklab.js";
import { colourOfOkhsv, okhsvOf } from "./okhsv.js";

const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const FIELD = 48, HUES = 36;    // sides of the field's picture, and colours of the slider's gradient
export const LEAST_STEPS = 3, MOST_STEPS = 16;

const within = (part) => Math.min(1, Math.max(0, part)), inHundredths = (part) => Math.round(part * 100) / 100;

export function listenToPicker({ picker }) {
  const { panel, field } = picker;
  panel.addEventListener("toggle", ({ newState }) => picker.onToggle(newState === "open"));
  picker.hue.addEventListener("input", () => picker.pick({ h: Number(picker.hue.value) / 360 }));
  field.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    field.focus();
    field.setPointerCapture(event.pointerId);
    picker.point(event);
  });
  field.addEventListener("pointermove", (event) => { if (field.hasPointerCapture(event.pointerId)) picker.point(event); });
  field.addEventListener("keydown", (event) => picker.key(event));
  picker.hex.addEventListener("change", () => picker.read());
  picker.steps.addEventListener("input", () => picker.showRamp());
  panel.addEventListener("click", ({ target }) => picker.press(target.closest("button")?.dataset));
}

export class Picker {
  hsv = { h: 0, s: 0, v: 0 };
  ends = { from: null, to: [255, 255, 255, 255] };    // of the ramp
  #drawnHue = null;

  constructor(canvas) {
    this.canvas = canvas;
    this.panel = canvas.$(".picker");
    for (const name of ["hue", "field", "spot", "hex", "steps", "strip"]) this[name] = this.panel.querySelector("." + name);
    const hues = [...Array(HUES + 1).keys()].map((i) => "#" + hexOf(colourOfOkhsv([i / HUES, 1, 1])));
    this.hue.style.setProperty("--hues", `linear-gradient(to right, ${hues})`);
  }

  open() {
    this.panel.showPopover();
    place(this.panel, this.canvas.$('[data-do="picker"]'));
    this.field.focus({ preventScroll: true });
  }

  onToggle(isOpen) {
    this.canvas.$('[data-do="picker"]').setAttribute("aria-expanded", isOpen);
    this.ends.from ||= this.canvas.brush.colour;
    this.#drawnHue = null;
    this.show(this.canvas.brush.colour);
    this.showRamp();
  }

  // Shows a colour. What has no hue or saturation of its own keeps the shown ones.
  show(colour) {
    const { h, s, v } = this.hsv;
    if (colour[3] && hexOf(colour) !== hexOf(colourOfOkhsv([h, s, v]))) {
      const [newH, newS, newV] = okhsvOf(colour, h);
      this.hsv = { h: newH, s: newV > 0 ? within(newS) : s, v: within(newV) };
    }
    this.#draw(colour);
  }

  pick(change) {
    this.hsv = { ...this.hsv, ...change };
    this.canvas.swatches.choose(colourOfOkhsv([this.hsv.h, this.hsv.s, this.hsv.v]));
  }

  point({ clientX, clientY }) {
    const { left, top, width, height } = this.field.getBoundingClientRect();
    this.pick({ s: within((clientX - left) / width), v: within(1 - (clientY - top) / height) });
  }

  key(event) {
    const { s, v } = this.hsv, [dx, dy] = ARROWS[event.key] || [0, 0], step = event.shiftKey ? 0.1 : 0.01;
    if (!dx && !dy) return;
    event.preventDefault();
    this.pick({ s: within(inHundredths(s + dx * step)), v: within(inHundredths(v + dy * step)) });
  }

  // The number that the visitor has typed.
  read() {
    const [name] = this.hex.value.toLowerCase().match(/[0-9a-f]{6}/) || [];
    if (name) this.canvas.swatches.choose(colourOf(name));
    else this.show(this.canvas.brush.colour);
  }

  get ramp() {
    const steps = Math.min(MOST_STEPS, Math.max(LEAST_STEPS, Math.round(Number(this.steps.value)) || LEAST_STEPS));
    return rampOf(this.ends.from, this.ends.to, steps);
  }

  showRamp() {
    this.strip.replaceChildren(...this.ramp.map((name) => {
      const cell = document.createElement("span");
      Object.assign(cell.style, { background: "#" + name });
      return cell;
    }));
    for (const end of ["from", "to"]) {
      this.panel.querySelector(`[data-end=${end}] i`).style.background = "#" + hexOf(this.ends[end]);
    }
  }

  press({ end, add } = {}) {
    const { colour } = this.canvas.brush;
    if (end && colour[3]) this.ends[end] = colour;
    if (end) this.showRamp();
    if (add) this.canvas.swatches.add(add === "ramp" ? this.ramp : colour[3] ? [hexOf(colour)] : []);
  }

  #draw(colour) {
    const { h, s, v } = this.hsv, degrees = Math.round(h * 360);
    if (!this.panel.matches(":popover-open")) return;
    if (this.#drawnHue !== h) drawField(this.field.querySelector("canvas"), h);
    this.#drawnHue = h;
    this.hue.value = degrees;
    Object.assign(this.spot.style, { left: s * 100 + "%", top: (1 - v) * 100 + "%", background: "#" + hexOf(colour) });
    this.field.setAttribute("aria-valuenow", Math.round(s * 100));
    this.field.setAttribute("aria-valuetext", `Saturation ${Math.round(s * 100)} %, value ${Math.round(v * 100)} %`);
    if (document.activeElement !== this.hex) this.hex.value = colour[3] ? "#" + hexOf(colour) : "";
  }
}

// All saturations, from left to right, and values, from bottom to top, of a hue.
function drawField(canvas, h) {
  const pen = canvas.getContext("2d"), drawn = new ImageData(FIELD, FIELD);
  Object.assign(canvas, { width: FIELD, height: FIELD });
  for (let y = 0, i = 0; y < FIELD; y++) for (let x = 0; x < FIELD; x++, i += 4) {
    drawn.data.set(colourOfOkhsv([h, x / (FIELD - 1), 1 - y / (FIELD - 1)]), i);
  }
  pen.putImageData(drawn, 0, 0);
}
