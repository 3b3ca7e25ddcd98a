// How a component's module is started: no value that arrives meanwhile is lost, and components share nothing.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const SCRIPT = readFileSync(new URL("../../../pixelart/ui/static/on_load.js", import.meta.url), "utf8");
const NAMES = ["COMPONENT", "element", "props", "trigger", "watch", "document", "window", "console"];

// Runs the script as gradio does, with a module of this text.
function load(text, { value = null, services = [], constants = {} } = {}) {
  const module = "data:text/javascript," + encodeURIComponent(text);
  const page = { element: { textContent: "" }, props: { value }, window: {}, watched: null, logged: [] };
  const watch = (_, callback) => { page.watched = callback; };
  const console = { error: (error) => page.logged.push(error) };
  const component = { module, constants, services, events: [] };
  // as gradio does, and the dynamic import of a module that is not in this folder
  Function(...NAMES, SCRIPT)(component, page.element, page.props, () => {}, watch, { baseURI: "http://a/" }, page.window, console);
  page.send = (next) => { page.props.value = next; page.watched(); };
  return page;
}

const RECORDER = `export function start({ onValue, constants }) {
  const seen = [];
  onValue((value) => seen.push(value));
  return { seen, constants };
}`;

test("values that arrive before the module come in order, and those after it too", async () => {
  const page = load(RECORDER, { value: "first", services: ["seen", "constants"], constants: { side: 3 } });
  page.send("second");
  page.send("third");
  const seen = await page.window.seen;
  assert.deepEqual(seen, ["first", "second", "third"]);
  page.send("fourth");
  assert.deepEqual(seen.slice(3), ["fourth"]);
  assert.deepEqual(await page.window.constants, { side: 3 });
});

test("two components of one module share no state", async () => {
  const pages = [load(RECORDER, { services: ["seen"] }), load(RECORDER, { services: ["seen"] })];
  pages[0].send("mine");
  assert.deepEqual(await Promise.all(pages.map(({ window }) => window.seen)), [[null, "mine"], [null]]);
});

test("a module that cannot be loaded says so, and its services are nothing", async () => {
  const page = load("not a script", { services: ["seen"] });
  assert.equal(await page.window.seen, undefined);
  assert.match(page.element.textContent, /could not be loaded/);
  assert.equal(page.logged.length, 1);
});
