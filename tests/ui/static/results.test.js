// Results whose file the server no longer has: nothing is saved, starred or put on the canvas, and a line says why.

import assert from "node:assert/strict";
import test from "node:test";

import { start } from "../../../pixelart/ui/static/results.js";

const PNG = Uint8Array.of(137, 80, 78, 71), NO_FILE = "The server does not answer, or no longer has the file of this result.";
const hash = "0123456789abcdef".repeat(4), address = `http://127.0.0.1/file=/tmp/${hash}/hero_5_32x32.png`;

// The timer that frees a saved file does not keep the test waiting.
const { setTimeout: wait } = globalThis;
globalThis.setTimeout = (...timer) => wait(...timer).unref();

// A page with one result and its menu.
function pageWith(answer) {
  const page = { said: [], saved: [], stars: [], on: {} };
  const image = { src: address }, box = { left: 0, top: 0 };
  const item = { dataset: {}, querySelector: () => image, closest: () => item, getBoundingClientRect: () => box };
  const button = { focus() {}, set textContent(text) {} };
  const menu = {
    style: {}, hidePopover() {}, showPopover() {}, contains: () => false, querySelector: () => button,
    addEventListener: (_, handler) => { page.click = handler; },
  };
  const row = { replaceChildren(...stars) { page.stars = stars; }, contains: () => false };
  const element = { isConnected: true, querySelector: (selector) => (selector === ".starred" ? row : menu) };
  const values = new Map(), make = () => ({ dataset: {}, append() {}, click() { page.saved.push(this.download); } });
  Object.assign(globalThis, {
    window: globalThis, scrollX: 0, scrollY: 0, Image: class {}, fetch: answer,
    showing: Promise.resolve({ say: (text) => page.said.push(text), put: () => page.said.push("put") }),
    localStorage: { getItem: (name) => values.get(name) ?? null, setItem: (name, value) => values.set(name, value) },
    document: {
      documentElement: {}, createElement: make, querySelectorAll: () => [],
      addEventListener: (type, handler) => { page.on[type] = handler; },
    },
  });
  URL.createObjectURL = () => "blob:";
  URL.revokeObjectURL = () => {};
  start({ element, trigger() {} });
  page.choose = async (name) => {
    page.on.contextmenu({ target: item, clientX: 1, clientY: 1, preventDefault() {} });
    page.click({ target: { closest: () => ({ dataset: { do: name } }) } });
    await new Promise((resolve) => { wait(resolve, 20); });
  };
  return page;
}

const there = async () => new Response(PNG);
const gone = async () => new Response('{"detail": "Not Found"}', { status: 404 });
const silent = async () => { throw new TypeError("Failed to fetch"); };

test("a result is saved and starred, and its star is removed without its file", async () => {
  const page = pageWith(there);
  await page.choose("download");
  await page.choose("star");
  assert.deepEqual([page.saved, page.stars.map(({ dataset }) => dataset.key), page.said], [["hero_5_32x32.png"], [hash], []]);
  globalThis.fetch = gone;
  await page.choose("star");
  assert.deepEqual([page.stars, page.said], [[], []]);
});

for (const [name, answer] of Object.entries({ gone, silent })) {
  test(`nothing is saved where the file is ${name}`, async () => {
    const page = pageWith(answer);
    for (const what of ["download", "star", "mask", "copy"]) await page.choose(what);
    assert.deepEqual([page.saved, page.stars, page.said], [[], [], [NO_FILE, NO_FILE, NO_FILE, NO_FILE]]);
  });
}
