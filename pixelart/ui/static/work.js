// Stores a tab's work in IndexedDB, so that a reload, Back, a closed tab or a restart of the program loses nothing.
// sessionStorage holds the tab's id, which survives a reload. A new tab continues the work closed last, unless a lock
// shows that another tab has it. Without such storage nothing is kept. sessionStorage alone is too small for undo
// steps, and is lost with the tab.

const NAME = "pixelart-studio", STORE = "work", MOST_TABS = 6, DAYS = 30, MOST_TEXT = 2 ** 16, PATIENCE = 3000;
const isTab = (id) => /^[0-9a-f]{32}$/.test(id || "");
const within = (tab) => IDBKeyRange.bound([tab], [tab, []]);
const waiting = new Map();    // part -> value: what is still to be written
let database = null, tab = null, writing = false, begun = false, tell;
const painting = new Promise((resolve) => { tell = resolve; });

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = request.oncomplete = () => resolve(request.result);
  request.onerror = request.onabort = request.onblocked = () => reject(request.error);
});
const store = (mode) => database.transaction(STORE, mode).objectStore(STORE);

function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["tab", "part"] }).createIndex("time", "time");
  return done(request);
}

// Locks a tab's work for this page until it is closed; false if another page has it. After a reload the old page may
// hold it for a moment.
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

// The tabs that have kept something, the newest first: Map of tab -> when.
async function keptTabs() {
  const found = new Map(), request = store().index("time").openKeyCursor(null, "prev");
  for (let cursor; (cursor = await done(request)); cursor.continue()) {
    const [id] = cursor.primaryKey;
    if (!found.has(id)) found.set(id, cursor.key);
  }
  return found;
}

async function forgetOld(tabs) {
  const old = [...tabs].filter(([, time], i) => i >= MOST_TABS || time < Date.now() - DAYS * 864e5);
  for (const [id] of old) if (id !== tab && await hold(id)) await done(store("readwrite").delete(within(id)));
}

// Which tab this is. A tab that was duplicated begins with a copy.
async function claim(tabs) {
  const mine = sessionStorage.getItem(NAME);
  if (isTab(mine) && await hold(mine, 400)) return [mine, mine];
  if (!isTab(mine)) for (const id of tabs.keys()) if (isTab(id) && await hold(id)) return [id, id];
  const fresh = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await hold(fresh);
  return [fresh, isTab(mine) ? mine : fresh];
}

async function begin() {
  database = await open();
  const tabs = await keptTabs(), [id, from] = await claim(tabs);
  sessionStorage.setItem(NAME, tab = id);
  const parts = Object.fromEntries((await done(store().getAll(within(from)))).map(({ part, value }) => [part, value]));
  if (id !== from) for (const [part, value] of Object.entries(parts)) keep(part, value);
  forgetOld(tabs).catch(() => {});
  write();
  return parts;
}

function keep(part, value) {
  waiting.set(part, value);
  write();
}

// Writes at once, so that a reload right after a stroke finds it; changes during a write are written next.
async function write() {
  if (writing || !tab) return;
  writing = true;
  try {
    while (waiting.size) {
      const batch = [...waiting], writer = store("readwrite");
      waiting.clear();
      for (const [part, value] of batch) writer.put({ tab, part, value, time: Date.now() });
      writer.transaction.commit?.();
      await done(writer.transaction);
    }
  } catch { waiting.clear(); }  // no room: what was kept before stays
  writing = false;
}

const kept = begin().catch(() => ({}));
const late = () => new Promise((resolve) => { setTimeout(resolve, PATIENCE, false); });
const isText = (value) => typeof value === "string";
const resultsIn = (value) => (Array.isArray(value) && value.every((r) => isText(r?.png) && isText(r?.settings)) ? value : []);
let results = [];

window.work = {
  keep,
  // The inputs of the page, once what was kept has been put back into them.
  keepValues(part, names, values) {
    const text = JSON.stringify(Object.fromEntries(names.map((name, i) => [name, values[i]])));
    if (begun && text.length <= MOST_TEXT) keep(part, JSON.parse(text));  // a copy: the page's own values are proxies
  },
  startKeeping() { begun = true; },
  part: async (name) => (await kept)[name],
  paintingIsBack: (isBack) => tell(isBack),
  // What Python is told when the page opens; results, whenever it may not know them any more.
  async recall(part) {
    const parts = await kept;
    if (part !== "create") return { values: parts[part] ?? null };
    results = resultsIn(parts.results);
    return { values: parts.create ?? null, results, painting: await Promise.race([painting, late()]) };
  },
  results: () => ({ results }),
};
watch("value", () => {
  if (!Array.isArray(props.value?.results)) return;
  results = JSON.parse(JSON.stringify(props.value.results));
  keep("results", results);
});
