// The pictures of a sheet that was cut: one is on the canvas, and each has its own undo steps.

import { History } from "./history.js";
import { checkedSteps, keptHistories } from "./kept.js";
import { isPicture, withoutEmptySelection } from "./picture.js";

export class Pages {
  #pages = [];     // [{picture, history}]; those of the page on the canvas are the canvas's own
  #index = 0;

  constructor(canvas) {
    this.canvas = canvas;
  }

  get count() { return this.#pages.length; }

  // Puts the first picture on the canvas, which can be undone, and the others behind it: they replace the pages of an
  // earlier sheet, which cannot be undone. A single picture takes the place of the page on the canvas; the others stay.
  open(pictures) {
    const { canvas } = this;
    if (!canvas.canEdit && canvas.picture) return;
    if (pictures.length > 1) {
      const question = `Replace all ${this.count} pictures of the sheet? Undo restores only the one on the canvas.`;
      if (this.count > 1 && !confirm(question)) return;
      this.#pages = pictures.map((picture) => ({ picture, history: new History() }));
      this.#index = 0;
      canvas.floating.putDown();
      canvas.history.held = canvas.picture;
    }
    if (canvas.picture) canvas.replace(() => pictures[0]);
    this.#tell();
  }

  // Turns by `step` pages; the last one is followed by the first.
  turn(step) {
    const { canvas } = this, { length } = this.#pages;
    if (!canvas.canEdit) return;
    if (length < 2) return canvas.say("There is one picture. Import a sheet to turn pages.");
    canvas.floating.putDown();
    const before = canvas.picture;
    this.#pages[this.#index] = { picture: before, history: canvas.history };
    this.#index = (this.#index + step + length) % length;
    Object.assign(canvas, this.#pages[this.#index]);
    canvas.exchange.publish();
    canvas.view.show(before);
    this.#tell();
  }

  // The pages of an earlier visit, as stored by `#tell`; the page on the canvas is restored with the canvas.
  restore(kept) {
    const { side } = this.canvas.limits, pictures = Array.isArray(kept?.pictures) ? kept.pictures : [];
    const isUsable = pictures.every((picture) => isPicture(picture, side)) && kept?.index in pictures;
    if (!isUsable || this.count) return;
    this.#pages = pictures.map((picture, i) => (
      { picture: withoutEmptySelection(picture), history: History.of(checkedSteps(kept.histories?.[i], side)) }));
    this.#index = kept.index;
    this.#tell();
  }

  // Shows the page's number, and has the browser store the pages and their steps; those of the page on the canvas are
  // stored with the canvas.
  #tell() {
    const index = this.#index, pages = this.count > 1 ? this.#pages : [];
    const pictures = pages.map(({ picture }) => picture);
    const histories = keptHistories(pages.map(({ history }, i) => (i === index ? new History() : history)));
    globalThis.work?.then((storing) => storing?.keep("sheet", { pictures, histories, index }));
    this.canvas.$(".page-line").textContent = this.count > 1 ? `Picture ${this.#index + 1} of ${this.count}` : "";
  }
}

const PAGE = '<path d="M3.500 1.500h9v13h-9z"/>';

export const PAGE_COMMANDS = [
  {
    name: "previousPage", label: "Previous picture of the sheet", keys: [","], menu: "picture",
    icon: PAGE + '<path d="M9.500 5.500L7 8l2.500 2.500"/>', run: ({ pages }) => pages.turn(-1),
  },
  {
    name: "nextPage", label: "Next picture of the sheet", keys: ["."], menu: "picture",
    icon: PAGE + '<path d="M6.500 5.500L9 8l-2.500 2.500"/>', run: ({ pages }) => pages.turn(1),
  },
];
