// What a visitor does with results: point at one to see it on the canvas, 1 to 9 put one there, a star keeps it, and a
// menu (right button, long press or the menu key) has the rest. Results are the items of gradio's gallery; starred ones
// stay in the browser (stars.js) and come first.

import { saveBlob } from "./download.js";
import { pixelsIn } from "./canvas/images.js";
import { isTyping } from "./canvas/keyboard.js";
import { copied, fileOf, imageOf, postOf, textOf } from "./result_file.js";
import { Stars, keyOf } from "./stars.js";

const ITEM = "#results .thumbnail-item, #result-tools .starred button";
const GAP = 4;    // between the menu and the edge of the page
const NO_FILE = "The server does not answer, or no longer has the file of this result.";
const LONG = 500, TOLERANCE = 8;    // of a long press: milliseconds, CSS pixels

export function start({ element, trigger }) {
  new Results(element, trigger).listen();
}

const itemAt = (target) => target.closest?.(ITEM) || null;
const isPlain = ({ ctrlKey, metaKey, altKey, shiftKey }) => !(ctrlKey || metaKey || altKey || shiftKey);
const digitOf = (event) => (isPlain(event) && /^[1-9]$/.test(event.key) ? Number(event.key) : 0);

class Results {
  chosen = null;    // the item of the open menu
  press = null;     // {item, x, y, timer} of a touch that may become a long press

  constructor(element, trigger) {
    Object.assign(this, { element, trigger, menu: element.querySelector(".result-menu"), stars: new Stars() });
    this.row = element.querySelector(".starred");
  }

  listen() {
    const on = (type, handler, capture = false) => document.addEventListener(type, (event) => {
      if (this.element.isConnected) handler(event);
    }, capture);
    on("pointerover", ({ target, pointerType }) => { if (pointerType !== "touch") this.#hover(itemAt(target)); });
    on("keydown", (event) => this.#pressKey(event));
    on("contextmenu", (event) => this.#openFor(event));
    on("pointerdown", (event) => this.#startPress(event));
    for (const type of ["pointerup", "pointercancel"]) on(type, () => this.#endPress());
    on("pointermove", (event) => this.#movePress(event));
    on("click", (event) => this.#click(event), true);
    on("load", ({ target }) => { if (target.closest?.("#results .gallery-item")) this.#addStar(target.closest(".gallery-item")); }, true);
    document.querySelectorAll("#results .gallery-item").forEach((item) => this.#addStar(item));
    this.menu.addEventListener("click", ({ target }) => this.#choose(target.closest("button")));
    this.#showStars();
  }

  async #hover(item) {
    if (item === this.hovered) return;
    this.hovered = item;
    const showing = await window.showing;
    if (item !== this.hovered) return;
    showing.hide();
    if (item) showing.show(imageOf(item));
  }

  async #pressKey(event) {
    if (event.key === "Escape") this.menu.hidePopover();
    const digit = digitOf(event), item = digit && document.querySelectorAll("#results .thumbnail-item")[digit - 1];
    if (!item || isTyping(event.target) || event.target.closest?.("dialog, [popover]") || (await window.showing).needsDigits) return;
    item.click();
  }

  #openFor(event) {
    const item = itemAt(event.target);
    if (!item) return;
    event.preventDefault();
    const box = item.getBoundingClientRect();    // the menu key has no place
    this.#open(item, event.clientX || box.left + box.width / 2, event.clientY || box.top + box.height / 2);
  }

  #open(item, x, y) {
    this.chosen = item;
    this.menu.querySelector('[data-do="star"]').textContent = this.stars.has(this.#keyOf(item)) ? "Remove the star" : "Keep (star)";
    this.menu.hidePopover();
    this.menu.showPopover();    // "manual": the release of the press that opens it would close another kind
    const { clientWidth, clientHeight } = document.documentElement, { offsetWidth, offsetHeight } = this.menu;
    const within = (place, room, size) => Math.max(GAP, Math.min(place, room - size - GAP));
    const left = within(x, clientWidth, offsetWidth) + scrollX, top = within(y, clientHeight, offsetHeight) + scrollY;
    Object.assign(this.menu.style, { left: left + "px", top: top + "px" });
    this.menu.querySelector("button").focus({ preventScroll: true });
  }

  #startPress({ target, pointerType, clientX: x, clientY: y }) {
    const item = itemAt(target);
    this.#endPress();
    if (!this.menu.contains(target)) this.menu.hidePopover();
    this.opened = null;
    if (!item || pointerType !== "touch") return;
    const open = () => { this.opened = item; this.press = null; this.#open(item, x, y); };
    this.press = { x, y, timer: setTimeout(open, LONG) };
  }

  #movePress({ clientX, clientY }) {
    if (this.press && Math.hypot(clientX - this.press.x, clientY - this.press.y) > TOLERANCE) this.#endPress();
  }

  #endPress() {
    clearTimeout(this.press?.timer);
    this.press = null;
  }

  // A click on a star or a starred result; the click that ends a long press does nothing.
  #click(event) {
    const star = event.target.closest?.("#results .star"), item = itemAt(event.target);
    if (this.opened && this.opened === item) this.#stop(event);
    else if (star) { this.#stop(event); this.#star(star.parentElement.querySelector(".thumbnail-item")); }
    else if (item && this.row.contains(item)) this.#put(item);
    this.opened = null;
  }

  #stop(event) {
    event.preventDefault();
    event.stopPropagation();
  }

  // The file of a result, or null, which it tells.
  async #fileOf(item) {
    const file = await fileOf(item);
    if (!file) (await window.showing).say(NO_FILE);
    return file;
  }

  async #put(item) {
    const file = await this.#fileOf(item);
    if (file) (await window.showing).put(await pixelsIn(file.blob));
  }

  #keyOf(item) { return item.dataset.key || keyOf(imageOf(item).src); }

  async #star(item) {
    const key = this.#keyOf(item);
    if (this.stars.has(key)) this.stars.remove(key);
    else await this.#addStarred(item, key);
    this.#showStars();
  }

  async #addStarred(item, key) {
    const file = await this.#fileOf(item), star = file && { key, name: file.name, png: await textOf(file.blob) };
    if (star && !this.stars.add(star)) (await window.showing).say("The browser could not store the star.");
  }

  #showStars() {
    this.row.hidden = !this.stars.all.length;
    this.row.replaceChildren(...this.stars.all.map(({ key, name, png }) => {
      const button = Object.assign(document.createElement("button"), { type: "button", title: name });
      Object.assign(button.dataset, { key, name });
      button.append(Object.assign(new Image(), { src: "data:image/png;base64," + png, alt: name }));
      return button;
    }));
    document.querySelectorAll("#results .gallery-item").forEach((item) => this.#addStar(item));
  }

  // The star in the corner of a result. gradio may have made the item anew, or put another picture into it.
  #addStar(item) {
    const image = item.querySelector("img");
    let star = item.querySelector(".star");
    if (!image) return;
    if (!star) {
      star = Object.assign(document.createElement("button"), { type: "button", className: "star", title: "Keep this result" });
      star.setAttribute("aria-label", "Star");
      item.append(star);
    }
    const on = this.stars.has(keyOf(image.src));
    star.setAttribute("aria-pressed", on);
    star.textContent = on ? "★" : "☆";
  }

  async #choose(button) {
    const { chosen } = this, showing = await window.showing;
    if (!button || !chosen) return;
    this.menu.hidePopover();
    if (button.dataset.do === "star") return this.#star(chosen);
    const file = await this.#fileOf(chosen);
    if (!file) return;
    const { blob, name } = file;
    if (button.dataset.share) return this.trigger("select", { ...await postOf(blob), share: Number(button.dataset.share) });
    if (button.dataset.do === "download") return saveBlob(name, blob);
    if (button.dataset.do === "mask") return showing.mask(await pixelsIn(blob));
    return showing.say(await copied(blob) ? "Copied " + name : "The browser does not allow copying.");
  }
}
