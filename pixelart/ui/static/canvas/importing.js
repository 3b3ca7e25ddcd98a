// A picture that Python has read: it is opened, or a dialog asks what it shall become.

import { CHOICES, cellsOf, firstChoice, isPlain } from "./import_choices.js";
import { pieceOf } from "./selection.js";
import { placePiece } from "./clipboard.js";
import { pictureOf } from "./value.js";

const PREVIEW = 176;    // CSS pixels

const counted = (count) => `${count} ${count === 1 ? "picture" : "pictures"}`;

export class Importing {
  hasSettings = false;    // whether the file carries settings of this program
  #source = null;         // {picture, grid} of the open dialog

  constructor(canvas) {
    this.canvas = canvas;
  }

  get dialog() { return this.canvas.$("dialog.import"); }
  get form() { return this.dialog.querySelector("form"); }

  // `imported`: {name, width, height, pixels, grid, open}; `open`: without a question.
  offer(imported) {
    const { canvas } = this, picture = pictureOf(imported, null);
    if (imported.open || isPlain(picture, canvas.picture, canvas.newSize)) return this.#open([picture]);
    this.#source = { picture, grid: imported.grid };
    this.#fill(imported.name);
    this.#show();
    this.dialog.showModal();
  }

  listen() {
    this.form.addEventListener("input", () => this.#show());
    this.form.addEventListener("submit", ({ submitter }) => { if (submitter?.value !== "cancel") this.#accept(); });
  }

  get #choice() { return this.form.elements.choice.value; }

  get #values() {
    const numbers = [...this.form.querySelectorAll("input[type=number]")];
    return Object.fromEntries(numbers.map((input) => [input.name, Math.floor(Number(input.value))]));
  }

  #fill(name) {
    const { form, canvas } = this, { picture, grid } = this.#source, [width, height] = canvas.newSize;
    const { elements } = form, words = (selector, text) => { form.querySelector(selector).textContent = text; };
    words(".import-name", name);
    words(".import-size", `${picture.width} x ${picture.height}`);
    words(".import-grid", `${grid.factor} x ${grid.factor}`);
    form.querySelector(".has-grid").hidden = grid.factor <= 1;
    for (const input of form.querySelectorAll("input[type=number]")) input.max = canvas.limits.side;
    for (const [name_, side] of [["width", width], ["height", height], ["cellWidth", width], ["cellHeight", height]]) {
      elements[name_].value = side;
    }
    elements.margin.value = elements.spacing.value = 0;
    elements.choice.value = firstChoice(picture, grid);
  }

  // The pictures of the choice; none if a number is out of range.
  #made() {
    const { picture, grid } = this.#source;
    const asked = [...this.form.querySelectorAll(".sides:not([hidden]) input")];
    const isUsable = asked.every((input) => input.value && input.checkValidity());
    return isUsable ? CHOICES[this.#choice](picture, this.#values, grid) : [];
  }

  #show() {
    const { form } = this, choice = this.#choice;
    for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(choice);
    for (const input of form.querySelectorAll(".sides input")) input.disabled = input.closest(".sides").hidden;
    const made = this.#made(), [first] = made;
    form.querySelector(".import-told").textContent = this.#told(made);
    form.querySelector(".main").disabled = !first;
    if (choice === "cut") this.#preview(this.#source.picture, cellsOf(this.#source.picture, this.#cells));
    else if (first) this.#preview(first, []);
  }

  get #cells() {
    const { cellWidth, cellHeight, margin, spacing } = this.#values;
    return { width: cellWidth || 1e9, height: cellHeight || 1e9, margin, spacing };
  }

  #told(made) {
    const [first] = made, { picture } = this.#source, choice = this.#choice;
    if (!first) return choice === "cut" ? "No whole cell of this size." : "Enter whole numbers.";
    const size = `${first.width} x ${first.height}`;
    if (choice === "cut") return `${counted(made.length)} of ${size}. The menu Picture turns from one to the next.`;
    if (choice === "place") return "On your picture, at its own size. Drag it; Escape puts it down.";
    if (choice === "grid") return `${size}. No pixel is lost: each block has one colour.`;
    const loses = first.width * first.height < picture.width * picture.height;
    if (choice === "fit") return `${size}. ${loses ? "Pixels are left out." : "Every pixel becomes a square."}`;
    return choice === "crop" ? `${size}, from the middle.` : `${size}, every pixel as it is.`;
  }

  // At a whole factor if it is small, with the boxes of the cells.
  #preview(picture, boxes) {
    const shown = this.form.querySelector(".import-preview"), { width, height } = picture;
    const fit = PREVIEW / Math.max(width, height), times = fit >= 1 ? Math.floor(fit) : fit;
    Object.assign(shown, { width, height });
    Object.assign(shown.style, { width: width * times + "px", height: height * times + "px" });
    const pen = shown.getContext("2d");
    pen.putImageData(new ImageData(new Uint8ClampedArray(picture.pixels), width, height), 0, 0);
    pen.strokeStyle = "#e10078";
    pen.lineWidth = Math.max(1, 1 / times);
    for (const box of boxes) pen.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1);
  }

  #accept() {
    const made = this.#made();
    if (!made.length) return;
    if (this.#choice === "place") placePiece(this.canvas, { ...pieceOf(made[0]), x: 0, y: 0 });
    else this.#open(made);
    this.#source = null;
  }

  #open(pictures) {
    this.canvas.pages.open(pictures);
    if (this.hasSettings) this.canvas.say("This picture carries its settings: drop it on History to use them.", 8000);
  }
}

export function listenToImports(canvas) {
  canvas.importing.listen();
}
