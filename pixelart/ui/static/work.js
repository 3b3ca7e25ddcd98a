// Stores the work of a page: its inputs, its results, and the canvas's picture and history (in tab_store.js); and the
// pictures of every run (in past/store.js).

import { PastStore } from "./past/store.js";
import { TabStore } from "./tab_store.js";

const MOST_TEXT = 2 ** 16, PATIENCE = 3000, TO_READ = 15000;    // characters; milliseconds

export function start({ onValue }) {
  const work = new Work(new TabStore(tellFailure), new PastStore(tellFailure));
  onValue((value) => { if (Array.isArray(value?.results)) work.keepResults(value.results); });
  return { work };
}

async function tell(text) {
  (await window.showing)?.say(text, TO_READ);
}

const tellFailure = () => tell("The browser could not store your work. Save what you want to keep.");

const isText = (value) => typeof value === "string";

// The stored results, or [] if they are unusable.
export function resultsIn(value) {
  return Array.isArray(value) && value.every((r) => isText(r?.png) && isText(r?.settings)) ? value : [];
}

// Gives up on the canvas: some time after it was loaded, without word from it whether its picture is restored.
async function late() {
  await window.drawings;
  return new Promise((resolve) => { setTimeout(resolve, PATIENCE, false); });
}

export class Work {
  #begun = false;
  #hasToldFull = false;    // whether this page has told that the history is full
  #results = [];

  constructor(store, past) {
    Object.assign(this, { store, past });
    this.kept = store.begin().catch(() => ({}));
    this.painting = new Promise((resolve) => { this.paintingIsBack = resolve; });
  }

  keep(part, value) {
    this.store.keep(part, value);
  }

  // Stores the inputs of a part, but only after the stored values have been restored (`startKeeping`).
  keepValues(part, names, values) {
    const text = JSON.stringify(Object.fromEntries(names.map((name, i) => [name, values[i]])));
    if (!this.#begun || text.length > MOST_TEXT) return;
    this.keep(part, JSON.parse(text));    // a copy: the page's own values are proxies
  }

  startKeeping() {
    this.#begun = true;
  }

  keepResults(results) {
    const text = JSON.stringify(results), isNew = text !== JSON.stringify(this.#results);
    this.#results = JSON.parse(text);
    if (isNew) this.#addToPast(this.#results);    // after a refusal, the results are sent again
    this.keep("results", this.#results);
  }

  async #addToPast(results) {
    if (!await this.past.addRun(results) || this.#hasToldFull) return;
    this.#hasToldFull = true;
    tell("The history is full: its oldest pictures were deleted. Save what you want to keep.");
  }

  async part(name) {
    return (await this.kept)[name];
  }

  // The stored values for Python when the page opens; for the tab Create also the results.
  async recall(part) {
    const parts = await this.kept;
    if (part !== "create") return { values: parts[part] ?? null };
    this.#results = resultsIn(parts.results);
    const painting = await Promise.race([this.painting, late()]);
    return { values: parts.create ?? null, results: this.#results, painting };
  }

  results() {
    return { results: this.#results };
  }
}
