// Stores a tab's work in IndexedDB, so that a reload, Back, a closed tab or a restart of the program loses nothing.
// sessionStorage holds the tab's id, which survives a reload. A new tab continues the work closed last, unless a lock
// shows that another tab has it. Without such storage nothing is kept. sessionStorage alone is too small for undo
// steps, and is lost with the tab.

import { done } from "./database.js";
import { TabLocks } from "./tab_locks.js";

const NAME = "pixelart-studio", STORE = "work", MOST_TABS = 6, DAYS = 30;
const LATEST = 500;    // milliseconds until a change is written, even if the browser is never idle

const isTab = (id) => /^[0-9a-f]{32}$/.test(id || "");
const within = (tab) => IDBKeyRange.bound([tab], [tab, []]);

// The id of this tab, and of the tab whose work it continues. A duplicated tab starts with a copy.
async function claim(tabs, locks) {
  const mine = sessionStorage.getItem(NAME);
  if (isTab(mine) && await locks.hold(mine, 400)) return [mine, mine];
  if (!isTab(mine)) for (const id of tabs.keys()) if (isTab(id) && await locks.hold(id)) return [id, id];
  const fresh = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await locks.hold(fresh);
  return [fresh, isTab(mine) ? mine : fresh];
}

function whenIdle(act) {
  if (globalThis.requestIdleCallback) requestIdleCallback(act, { timeout: LATEST });
  else setTimeout(act, LATEST / 2);
}

export class TabStore {
  #locks = new TabLocks();
  #database = null;        // null also after the browser has closed it, such as when its data was cleared
  #tab = null;
  #values = new Map();     // part -> its latest value
  #waiting = new Set();    // parts whose latest value is not written yet
  #hasFailed = false;      // whether the latest write failed
  #isDue = false;          // the browser will write when it is idle
  #isWriting = false;

  // `onFailure` is called when a write fails; again only after one that did not.
  constructor(onFailure) {
    this.onFailure = onFailure;
    addEventListener("pagehide", () => this.#flush());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.#flush(); });
  }

  // The stored parts of this tab: {part: value}.
  async begin() {
    await this.#open();
    const tabs = await this.#keptTabs(), [id, from] = await claim(tabs, this.#locks);
    sessionStorage.setItem(NAME, this.#tab = id);
    const records = await done(this.#store().getAll(within(from)));
    const parts = Object.fromEntries(records.map(({ part, value }) => [part, value]));
    if (id !== from) for (const [part, value] of Object.entries(parts)) this.keep(part, value);
    this.#forgetOld(tabs).catch(() => {});
    this.#write();
    return parts;
  }

  // Stores a part soon, and at the latest when the page goes. To write the undo steps of a large picture takes longer
  // than a frame, which may not come between the hand and what it draws.
  keep(part, value) {
    this.#values.set(part, value);
    this.#waiting.add(part);
    if (this.#isDue) return;
    this.#isDue = true;
    whenIdle(() => {
      this.#isDue = false;
      this.#write();
    });
  }

  async #open() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["tab", "part"] }).createIndex("time", "time");
    this.#database = await done(request);
    this.#database.onclose = () => { this.#database = null; };
  }

  #store(mode) {
    return this.#database.transaction(STORE, mode).objectStore(STORE);
  }

  // The tabs with stored work, newest first: Map of tab -> time.
  async #keptTabs() {
    const found = new Map(), request = this.#store().index("time").openKeyCursor(null, "prev");
    for (let cursor; (cursor = await done(request)); cursor.continue()) {
      const [id] = cursor.primaryKey;
      if (!found.has(id)) found.set(id, cursor.key);
    }
    return found;
  }

  async #forgetOld(tabs) {
    const old = [...tabs].filter(([, time], i) => i >= MOST_TABS || time < Date.now() - DAYS * 864e5);
    for (const [id] of old) if (id !== this.#tab && await this.#locks.hold(id)) await done(this.#store("readwrite").delete(within(id)));
  }

  // Writes what waits; whether there is reason to go on. Where a write fails, what was stored before stays, and the
  // part waits for the next change.
  async #put() {
    const parts = [...this.#waiting];
    this.#waiting.clear();
    if (!this.#database) await this.#open().catch(() => {});
    const writes = await Promise.allSettled(parts.map((part) => this.#putPart(part)));
    const failed = parts.filter((_, i) => writes[i].status === "rejected"), hasNewer = this.#waiting.size > 0;
    if (failed.length && !this.#hasFailed) this.onFailure();
    this.#hasFailed = failed.length > 0;
    for (const part of failed) this.#waiting.add(part);
    return hasNewer || !failed.length;
  }

  // Each part has its own transaction, so that one without space does not keep others back. Transactions end in the
  // order in which they begin.
  async #putPart(part) {
    const store = this.#store("readwrite");
    store.put({ tab: this.#tab, part, value: this.#values.get(part), time: Date.now() });
    store.transaction.commit?.();
    await done(store.transaction);
  }

  // Changes during a write are written next.
  async #write() {
    if (this.#isWriting || !this.#tab) return;
    this.#isWriting = true;
    for (let goesOn = true; goesOn && this.#waiting.size;) goesOn = await this.#put();
    this.#isWriting = false;
  }

  // Writes at once, because the page may go.
  #flush() {
    if (this.#tab && this.#waiting.size) this.#put();
  }
}
