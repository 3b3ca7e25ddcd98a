// The tab History: thumbnails, and the chosen picture or two side by side, with their settings.

import { saveBlob } from "../download.js";
import { encode } from "../canvas/value.js";
import { imageOf, made } from "./nodes.js";
import { isPng, settingsIn, sizeOf } from "./png.js";
import { differing, fileNameOf, fileOf, isReadable, linesOf } from "./records.js";
import { PastStore } from "./store.js";
import { zipOf } from "./zip.js";

const THUMB = 72, LARGE = { 1: 200, 2: 150 };    // CSS pixels
const STEPS = { ArrowRight: 1, ArrowLeft: -1 };
const ACTIONS = [
  ["send", "Send to Create", "Set all controls as they were when it was drawn"], ["canvas", "To canvas", "Put it on the canvas"],
  ["compare", "Compare", "Choose a second picture to see both side by side"], ["save", "Download", "Save the PNG with its settings"],
  ["delete", "Delete", "Delete it from the history"],
];

// `constants.controls`: see linesOf in records.js.
export function start({ element, trigger, constants }) {
  const panel = new Panel(element, trigger, new PastStore(), constants.controls);
  panel.listen();
  panel.refresh();
}

class Panel {
  records = [];
  chosen = [];            // at most two keys
  read = null;            // a record that was dropped; it is not stored
  isComparing = false;    // whether the next choice is the second one
  urls = new Map();

  constructor(element, trigger, store, controls) {
    Object.assign(this, { element, trigger, store, controls });
  }

  $(selector) { return this.element.querySelector(selector); }

  async refresh() {
    this.records = await this.store.all();
    this.chosen = this.chosen.filter((key) => this.recordOf(key));
    this.show();
  }

  recordOf(key) { return this.read?.key === key ? this.read : this.records.find((record) => record.key === key); }

  urlOf({ key, png }) {
    if (!this.urls.has(key)) this.urls.set(key, URL.createObjectURL(new Blob([png], { type: "image/png" })));
    return this.urls.get(key);
  }

  say(text) { this.$(".message").textContent = text; }

  show() {
    const { length } = this.records, shown = new Set([this.read, ...this.records].map((record) => record?.key));
    const focused = document.activeElement, wanted = focused?.dataset.key ?? focused?.dataset.of;
    const place = this.#items.findIndex(({ dataset }) => dataset.key === wanted);
    for (const [key, url] of this.urls) if (!shown.has(key)) { URL.revokeObjectURL(url); this.urls.delete(key); }
    this.$(".count").textContent = length ? `${length} ${length === 1 ? "picture" : "pictures"}` : "Nothing is drawn yet";
    for (const name of ["zip", "clear"]) this.$(`[data-do=${name}]`).hidden = !length;
    this.$(".shelf").replaceChildren(...this.records.map((record) => this.#item(record)));
    this.#showChosen();
    if (place >= 0 && !focused.isConnected) this.#focus(wanted, place);
  }

  get #items() { return [...this.$(".shelf").children]; }

  // Gives the focus back to a picture; if it was deleted, to the one that took its place.
  #focus(wanted, place) {
    const items = this.#items, same = items.find(({ dataset }) => dataset.key === wanted);
    (same ?? items[Math.min(place, items.length - 1)] ?? this.$("[data-do=read]")).focus();
  }

  #item(record) {
    const name = fileNameOf(record).replace(/_\d+x\d+\.png$/, ""), item = made("button", { type: "button", className: "item", title: name });
    item.dataset.key = record.key;
    item.setAttribute("role", "option");
    item.setAttribute("aria-label", name);
    item.append(imageOf(this.urlOf(record), sizeOf(record.png), THUMB), made("span", { textContent: name }));
    return item;
  }

  #showChosen() {
    const records = this.chosen.map((key) => this.recordOf(key)), [first, second] = records;
    const other = second ? new Set(differing(first, second, this.controls)) : new Set();
    for (const item of this.#items) {
      const isOn = this.chosen.includes(item.dataset.key);
      item.setAttribute("aria-selected", isOn);
      item.tabIndex = isOn || (!this.chosen.length && item === item.parentElement.firstChild) ? 0 : -1;
    }
    this.$(".chosen").hidden = !first;
    this.$(".chosen").replaceChildren(...records.map((record) => this.#figure(record, other)));
  }

  #figure(record, other) {
    const size = sizeOf(record.png), shown = made("div", { className: "shown" }, imageOf(this.urlOf(record), size, LARGE[this.chosen.length]));
    const hidden = [...(record === this.read ? ["delete", "compare"] : []), ...(this.chosen.length > 1 ? ["compare"] : [])];
    const actions = ACTIONS.filter(([name]) => !hidden.includes(name));
    const buttons = actions.map(([name, label, title]) => {
      const button = made("button", { type: "button", title, textContent: label, className: name === "send" ? "main" : "" });
      Object.assign(button.dataset, { act: name, of: record.key });
      return button;
    });
    const list = made("dl", {}, ...linesOf(record, this.controls).flatMap(([label, text]) =>
      [made("dt", { textContent: label }), made("dd", { textContent: text, className: other.has(label) ? "differs" : "" })]));
    return made("figure", {}, shown, made("div", { className: "actions" }, ...buttons), list);
  }

  choose(key, isSecond = this.isComparing) {
    const [first] = this.chosen;
    this.chosen = isSecond && first && first !== key ? [first, key] : [key];
    this.isComparing = false;
    this.say("");
    this.#showChosen();
  }

  listen() {
    const { element } = this, past = this.$(".past");
    element.addEventListener("click", (event) => this.#click(event));
    element.addEventListener("keydown", (event) => this.#key(event));
    this.store.onChange(() => this.refresh());
    this.$(".file").addEventListener("change", ({ target }) => { this.readFile(target.files[0]); target.value = ""; });
    past.addEventListener("dragover", (event) => { event.preventDefault(); past.classList.add("drop"); });
    past.addEventListener("dragleave", () => past.classList.remove("drop"));
    past.addEventListener("drop", (event) => {
      event.preventDefault();
      past.classList.remove("drop");
      this.readFile(event.dataTransfer.files[0]);
    });
  }

  #click({ target, shiftKey, ctrlKey, metaKey }) {
    const { dataset } = target.closest("button") || { dataset: {} };
    if (dataset.key) this.choose(dataset.key, this.isComparing || shiftKey || ctrlKey || metaKey);
    else if (dataset.act) this.#act(dataset.act, this.recordOf(dataset.of));
    else if (dataset.do === "read") this.$(".file").click();
    else if (dataset.do === "zip") this.#saveAll();
    else if (dataset.do === "clear" && confirm(`Delete all ${this.records.length} pictures of the history?`)) this.#remove(this.records);
  }

  #key(event) {
    const { key, target } = event, item = target.closest(".item"), items = this.#items;
    if (!item || event.ctrlKey || event.metaKey) return;
    const at = items.indexOf(item), next = key === "Home" ? items[0] : key === "End" ? items.at(-1) : STEPS[key] && items[at + STEPS[key]];
    if (key === "Delete" && this.recordOf(item.dataset.key)) this.#remove([this.recordOf(item.dataset.key)]);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(next.dataset.key);
    next.focus();
  }

  #act(name, record) {
    const { name: file, bytes } = fileOf(record);
    if (name === "save") saveBlob(file, new Blob([bytes], { type: "image/png" }));
    else if (name === "delete") this.#remove([record]);
    else if (name === "canvas") this.#toCanvas(file, record.png);
    else if (name === "send") this.#send(file, record);
    else {
      this.isComparing = true;
      this.say("Choose the second picture.");
    }
  }

  async #remove(records) {
    await this.store.remove(records.map(({ key }) => key));
    await this.refresh();
  }

  async #toCanvas(name, png) {
    openCreate();
    (await window.drawings)?.open(new File([png], name, { type: "image/png" }));
  }

  #send(name, { png, settings }) {
    openCreate();
    this.trigger("upload", { name, data: encode(png), settings });
  }

  #saveAll() {
    saveBlob("history.zip", new Blob([zipOf(this.records.map(fileOf))], { type: "application/zip" }));
  }

  // PNG info: shows what a file carries.
  async readFile(file) {
    if (!file) return;
    const png = new Uint8Array(await file.arrayBuffer()), settings = isPng(png) ? settingsIn(png) : null;
    const read = { key: `file ${performance.now()}`, time: 0, png, settings };
    if (!settings || !isReadable(read)) return this.say(`${file.name} carries no settings of this program.`);
    this.read = read;
    this.choose(this.read.key, false);
  }
}

// The first tab of the page.
const openCreate = () => document.querySelector("[role=tablist] [role=tab]")?.click();
