// Inspect asks how surprising each pixel is, and which colours are the most probable ones of one pixel. Python answers
// one question at a time ({number, pixel, ...}; see create/inspect.py). Answers are cached by the picture's bytes, so
// that undo and redo need not ask again.

import { colourOf } from "./colours.js";
import { showInspect } from "./inspect_panel.js";
import { colourAt, indexOf, sameCell, setColour } from "./picture.js";
import { BUSY } from "./strokes.js";
import { encode } from "./value.js";

const MAP_PAUSE = 300, PIXEL_PAUSE = 40, DRAWING_PAUSE = 500, PATIENCE = 30000;    // milliseconds
const KEPT = 32;    // pictures
const NO_ANSWER = "No answer from the model. Press Inspect twice to ask again.";

export class Inspect {
  answers = new Map();     // bytes of a picture -> {map: answer or null, colours: Map of pixel index -> answer}
  page = null;             // the entry of `answers` for the shown picture
  map = null;              // the newest map; stale unless it is page.map
  spot = null;             // [x, y] of the pixel that the panel describes
  pressed = null;          // {at, again: it was `spot` before}: painted when the pointer is released there
  toPaint = null;          // {page, index, rank}: painted when the answer arrives
  asked = null;            // {number, page, index or null for the map}
  questions = 0;
  isModelBusy = false;     // with a drawing
  mapDue = 0;              // when the next map may be asked for
  shownLikely = [];

  constructor(canvas, ramp) {
    Object.assign(this, { canvas, ramp });
  }

  get isOn() { return this.canvas.tool.name === "inspect"; }

  // The service for the page's events.
  service() {
    return { answer: (answer) => this.#receive(answer), fail: () => this.#fail(), forget: () => this.#forget() };
  }

  enter() {
    this.#forget();
    this.point(this.canvas.cursor || this.canvas.hover);
  }

  #forget() {
    this.answers = new Map();
    this.page = this.map = null;
    this.shownLikely = [];
    this.look();
  }

  #indexOf(at) { return indexOf(this.canvas.picture, at); }

  get answerOfSpot() { return this.spot && this.page?.colours.get(this.#indexOf(this.spot)); }

  // Call this when the picture may have changed.
  look() {
    const { picture, isBusy } = this.canvas, before = this.page;
    this.page = picture && this.isOn && !isBusy ? this.#pageOf(picture) : null;
    if (this.page !== before) {
      this.pressed = null;
      this.mapDue = performance.now() + (this.map ? MAP_PAUSE : 0);
    }
    this.map = this.page?.map || this.map;
    if (this.spot && picture && !this.canvas.isInside(this.spot)) this.spot = null;
    this.#ask();
    showInspect(this);
  }

  // The cached answers for a picture; they become the newest entry of the cache.
  #pageOf(picture) {
    const { answers } = this, key = picture.width + " " + encode(picture.pixels);
    const page = answers.get(key) || { map: null, colours: new Map() };
    answers.delete(key);
    answers.set(key, page);
    if (answers.size > KEPT) answers.delete(answers.keys().next().value);
    return page;
  }

  point(at) {
    if (this.pressed && !sameCell(this.pressed.at, at)) this.pressed = null;
    if (!this.isOn || !at || !this.canvas.picture || !this.canvas.isInside(at) || sameCell(at, this.spot)) return;
    this.spot = at;
    this.toPaint = null;
    this.#ask(PIXEL_PAUSE);
    showInspect(this);
  }

  // The next missing answer: first for the pixel; then the map, once the picture has not changed for a while.
  #nextQuestion() {
    const { page, spot } = this;
    if (!page || !this.canvas.isShown) return null;
    const index = spot && this.#indexOf(spot);
    if (spot && !page.colours.has(index)) return { page, index, pixel: spot, wait: 0 };
    return page.map ? null : { page, index: null, pixel: null, wait: Math.max(0, this.mapDue - performance.now()) };
  }

  #ask(pause = 0) {
    clearTimeout(this.askTimer);
    const next = this.#nextQuestion(), wait = pause || next?.wait;
    if (this.asked || !next) return;
    if (wait) { this.askTimer = setTimeout(() => this.#ask(), wait); return; }
    this.asked = { number: this.questions += 1, page: next.page, index: next.index };
    this.patienceTimer = setTimeout(() => this.#fail(), PATIENCE);
    const { width, height, pixels } = this.canvas.picture;
    this.canvas.trigger("select", { number: this.asked.number, width, height, pixels: encode(pixels), pixel: next.pixel });
  }

  #fail() {
    if (this.asked) this.#receive({ number: this.asked.number, error: NO_ANSWER });
  }

  #receive(answer) {
    if (answer.number !== this.asked?.number) return;
    const { page, index } = this.asked;
    clearTimeout(this.patienceTimer);
    this.asked = null;
    this.isModelBusy = Boolean(answer.waits);
    if (this.isModelBusy) this.toPaint = null;
    else if (index === null) page.map = answer;
    else page.colours.set(index, answer);
    this.map = this.page?.map || this.map;
    showInspect(this);
    if (this.toPaint?.page === page && this.toPaint.index === index) this.paintLikely(this.toPaint.rank);
    this.#ask(this.isModelBusy ? DRAWING_PAUSE : 0);
  }

  // A press on the shown pixel paints it; a press on another one (by touch) shows that one first.
  press(at) {
    this.pressed = { at, again: sameCell(at, this.spot) };
    this.point(at);
  }

  release() {
    if (this.pressed?.again) this.paintLikely(0);
    this.pressed = null;
  }

  cancel() {
    this.pressed = null;
  }

  paintLikely(rank) {
    const { canvas, page, spot } = this;
    this.toPaint = null;
    if (canvas.isBusy) return canvas.say(BUSY);
    if (!spot || !page) return;
    const index = this.#indexOf(spot), answer = page.colours.get(index), chance = answer?.likely?.[rank];
    if (!answer) { this.toPaint = { page, index, rank }; return; }
    if (answer.error) return canvas.say(answer.error);
    if (!chance) return;
    if (chance.colour === answer.current.colour) return canvas.say((rank ? "The pixel has this colour" : "The pixel has the most probable colour") + " already.");
    if (!canvas.canEdit) return;
    const colour = colourOf(chance.colour);
    canvas.edit((picture) => setColour(picture, index, colour));
    if (colourAt(canvas.picture, spot).join() !== colour.join()) return canvas.say("The pixel is not selected.");
    // the other pixels have not changed, so the answer still holds
    this.page.colours.set(index, { ...answer, current: chance });
    this.#ask();
    showInspect(this);
  }
}
