// The history in IndexedDB: every picture of every run of this browser, up to a limit. It is shared by the tabs of one
// browser and reaches no server.

import { done } from "../database.js";
import { beyond, isRecord, recordsOf } from "./records.js";

const NAME = "pixelart-history", STORE = "pictures";

export class PastStore {
  #database = null;      // a promise; null also after a failure, so that the next use opens it again
  #hasFailed = false;    // whether the latest write failed
  #channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(NAME);

  // `onFailure` is called when a write fails; again only after one that did not.
  constructor(onFailure = () => {}) {
    this.onFailure = onFailure;
  }

  #open() {
    if (this.#database) return this.#database;
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
    return (this.#database = done(request));
  }

  async #store(mode) {
    return (await this.#open()).transaction(STORE, mode).objectStore(STORE);
  }

  // Calls back after a change in another part of the page or another tab.
  onChange(callback) {
    this.#channel?.addEventListener("message", callback);
  }

  // All records, newest first; [] if the browser stores nothing.
  async all() {
    try {
      const records = (await done((await this.#store("readonly")).getAll())).filter(isRecord);
      return records.sort((a, b) => b.time - a.time);
    } catch {
      return [];
    }
  }

  // Adds the results of a run, and deletes the oldest records beyond the limits; how many these are. A record that is
  // there stays as it is.
  async addRun(results) {
    const fresh = recordsOf(results, Date.now());
    await this.#change(async (store) => {
      const known = new Set(await done(store.getAllKeys()));
      for (const record of fresh) if (!known.has(record.key)) store.put(record);
    });
    const old = beyond(await this.all());
    if (old.length) await this.remove(old.map(({ key }) => key));
    return old.length;
  }

  remove(keys) {
    return this.#change((store) => keys.forEach((key) => store.delete(key)));
  }

  async #change(work) {
    try {
      const store = await this.#store("readwrite");
      await work(store);
      await done(store.transaction);
      this.#channel?.postMessage("changed");
      this.#hasFailed = false;
    } catch {    // no space, or no storage: what was stored before stays
      if (!this.#hasFailed) this.onFailure();
      this.#hasFailed = true;
      this.#database = null;
    }
  }
}
