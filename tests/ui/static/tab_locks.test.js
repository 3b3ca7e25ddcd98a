// Which tab has which work on a page by plain http, where browsers have no locks.

import assert from "node:assert/strict";
import test from "node:test";

import { TabLocks } from "../../../pixelart/ui/static/tab_locks.js";

const CHANNELS = [];
const Channel = globalThis.BroadcastChannel;

test.before(() => {
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  globalThis.BroadcastChannel = class extends Channel {
    constructor(name) { super(name); CHANNELS.push(this); }
  };
});

test.after(() => CHANNELS.forEach((channel) => channel.close()));

test("a tab has its work until it closes", async () => {
  const [first, second, third] = [new TabLocks(), new TabLocks(), new TabLocks()];
  assert.deepEqual([await first.hold("a"), await second.hold("a"), await second.hold("b")], [true, false, true]);
  CHANNELS[0].close();
  assert.deepEqual([await third.hold("a"), await third.hold("b")], [true, false]);
});

test("of tabs that ask at the same time, one gets the work", async () => {
  const tabs = Array.from({ length: 4 }, () => new TabLocks());
  const got = await Promise.all(tabs.map((tab) => tab.hold("c")));
  assert.deepEqual(got.filter(Boolean), [true]);
  assert.ok(!(await new TabLocks().hold("c")), "nor does a later one");
});
