// What the history stores, and what the page tells of it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { MOST, MOST_BYTES } from "../../../pixelart/ui/static/past/records.js";
import { PastStore } from "../../../pixelart/ui/static/past/store.js";
import { Work } from "../../../pixelart/ui/static/work.js";
import { FakeDatabase } from "./fake_database.js";

globalThis.BroadcastChannel = undefined;    // an open one keeps Node running

// Results of which each is a record of its own.
let number = 0;
const results = (count) => Array.from({ length: count }, () => ({ png: "AAAA", settings: `{"seed":${number++}}` }));

function database() {
  return (globalThis.indexedDB = new FakeDatabase());
}

const settled = () => new Promise((resolve) => { setTimeout(resolve, 40); });

test("the oldest records beyond the limit are deleted, and counted", async () => {
  const { records } = database(), store = new PastStore(), first = results(MOST - 1);
  assert.equal(await store.addRun(first), 0);
  await settled();    // the next run is a later one
  assert.equal(await store.addRun(results(3)), 2);
  const stored = [...records.values()].map(({ settings }) => settings);
  const deleted = first.filter(({ settings }) => !stored.includes(settings));
  assert.equal(stored.length, MOST);
  assert.deepEqual(deleted, first.slice(-2), "the last of a run are the oldest");
});

test("a write that fails is told once, and the next one opens the storage again", async () => {
  const opened = database(), told = [], store = new PastStore(() => told.push("failed"));
  opened.isFull = true;
  assert.equal(await store.addRun(results(1)), 0);
  await store.addRun(results(1));
  assert.deepEqual([told.length, opened.records.size], [1, 0]);
  assert.ok(opened.opened > 1);
  opened.isFull = false;
  await store.addRun(results(1));
  assert.equal(opened.records.size, 1);
  opened.isFull = true;
  await store.addRun(results(1));
  assert.equal(told.length, 2);
});

test("the page tells once that pictures were deleted", async () => {
  const said = [], tabStore = { begin: async () => ({}), keep() {} };
  globalThis.window = { showing: Promise.resolve({ say: (text) => said.push(text) }) };
  let deleted = 0;
  const work = new Work(tabStore, { addRun: async () => deleted });
  work.keepResults(results(1));
  await settled();
  assert.deepEqual(said, []);
  deleted = 1;
  for (let run = 0; run < 2; run++) {
    work.keepResults(results(1));
    await settled();
  }
  assert.equal(said.length, 1);
  assert.match(said[0], /history is full: its oldest pictures were deleted/);
});

test("the note of the tab has the limits", () => {
  const note = readFileSync(new URL("../../../pixelart/ui/static/past/past.html", import.meta.url), "utf8");
  assert.match(note, new RegExp(`at most ${MOST} and ${MOST_BYTES / 2 ** 20} MiB, then the oldest are deleted`));
});
