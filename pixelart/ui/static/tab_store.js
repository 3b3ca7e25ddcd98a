// Stores a tab's work in IndexedDB, so that a reload, Back, a closed tab or a restart of the program loses nothing.
// sessionStorage holds the tab's id, which survives a reload. A new tab continues the work closed last, unless a lock
// shows that another tab has it. Without such storage nothing is kept. sessionStorage alone is too small for undo
// steps, and is lost with the tab.

const NAME = "pixelart-studio", STORE = "work", MOST_TABS = 6, DAYS = 30;
const LATEST = 500;    // milliseconds until a change is written, even if the browser is never idle

const isTab = (id) => /^[0-9a-f]{32}$/.test(id || "");
const within = (tab) => IDBKeyRange.bound([tab], [tab, []]);

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = request.oncomplete = () => resolve(request.result);
  request.onerror = request.onabort = request.onblocked = () => reject(request.error);
});

// Locks a tab's work for this page until the page closes; false if another page has the lock. After a reload, the old
// page may hold it for a moment.
function hold(id, patience = 0) {
  if (!navigator.locks) return Promise.resolve(id === sessionStorage.getItem(NAME));
  return new Promise((resolve) => {
    const options = patience ? { signal: AbortSignal.timeout(patience) } : { ifAvailable: true };
    navigator.locks.request(NAME + " " + id, options, (lock) => {
      resolve(Boolean(lock));
      return lock && new Promise(() => {});
    }).catch(() => resolve(false));
  });
}

// The id of this tab, and of the tab whose work it continues. A duplicated tab starts with a copy.
async function claim(tabs) {
  const mine = sessionStorage.getItem(NAME);
  if (isTab(mine) && await hold(mine, 400)) return [mine, mine];
  if (!isTab(mine)) for (const id of tabs.keys()) if (isTab(id) && await hold(id)) return [id, id];
  const fresh = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await hold(fresh);
  return [fresh, isTab(mine) ? mine : fresh];
}

function whenIdle(act) {
  if (globalThis.requestIdleCallback) requestIdleCallback(act, { timeout: LATEST });
  else setTimeout(act, LATEST / 2);
}

export class TabStore {
  #database = null;
  #tab = null;
  #waiting = new Map();    // part -> value that is not written yet
  #isDue = false;          // the browser will write when it is idle
  #isWriting = false;

  constructor() {
    addEventListener("pagehide", () => this.#put());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.#put(); });
  }

  // The stored parts of this tab: {part: value}.
  async begin() {
    this.#database = await this.#open();
    const tabs = await this.#keptTabs(), [id, from] = await claim(tabs);
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
    this.#waiting.set(part, value);
    if (this.#isDue) return;
    this.#isDue = true;
    whenIdle(() => {
      this.#isDue = false;
      this.#write();
    });
  }

  #open() {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["tab", "part"] }).createIndex("time", "time");
    return done(request);
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
    for (const [id] of old) if (id !== this.#tab && await hold(id)) await done(this.#store("readwrite").delete(within(id)));
  }

  // Begins to write what waits: the transaction. Transactions end in the order in which they begin.
  #put() {
    if (!this.#tab || !this.#waiting.size) return null;
    const batch = [...this.#waiting], store = this.#store("readwrite");
    this.#waiting.clear();
    for (const [part, value] of batch) store.put({ tab: this.#tab, part, value, time: Date.now() });
    store.transaction.commit?.();
    return store.transaction;
  }

  // Changes during a write are written next.
  async #write() {
    if (this.#isWriting || !this.#tab) return;
    this.#isWriting = true;
    try {
      while (this.#waiting.size) await done(this.#put());
    } catch { this.#waiting.clear(); }    // no space: the work stored before stays
    this.#isWriting = false;
  }
}
