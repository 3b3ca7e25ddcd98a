// Starred results survive in the browser's storage, whatever it holds.

import assert from "node:assert/strict";
import { test } from "node:test";

import { maskVisible } from "../../../pixelart/ui/static/canvas/mask.js";
import { emptyPicture } from "../../../pixelart/ui/static/canvas/picture.js";
import { Stars, keyOf } from "../../../pixelart/ui/static/stars.js";

function storage(room = 10_000) {
  const values = new Map();
  return {
    getItem: (name) => values.get(name) ?? null,
    setItem(name, value) { if (value.length > room) throw new Error("full"); values.set(name, value); },
  };
}

const star = (key) => ({ key, name: key + ".png", png: "AAAA" });

test("a star stays until it is removed, the newest first", () => {
  const shared = storage(), stars = new Stars(() => shared);
  for (const key of ["a", "b", "c", "a"]) assert.ok(stars.add(star(key)));
  assert.deepEqual(new Stars(() => shared).all.map(({ key }) => key), ["a", "c", "b"]);
  stars.remove("c");
  assert.ok(stars.has("b") && !stars.has("c"));
});

test("no space keeps the stars from before", () => {
  const small = storage(120), stars = new Stars(() => small);
  assert.ok(stars.add(star("a")));
  assert.ok(!stars.add({ ...star("b"), png: "A".repeat(200) }));
  assert.deepEqual(stars.all.map(({ key }) => key), ["a"]);
});

test("where storage is blocked there are no stars", () => {
  const stars = new Stars(() => { throw new Error("SecurityError"); });
  assert.deepEqual([stars.all, stars.has("a"), stars.add(star("a"))], [[], false, false]);
});

test("what is no star is dropped", () => {
  for (const text of ["", "{", "5", '[{"key": 1}, {"key": "a", "name": "a", "png": "\\"><script>"}]']) {
    const shared = storage();
    shared.setItem("pixelart-studio starred", text);
    assert.deepEqual(new Stars(() => shared).all, []);
  }
});

test("the key of a result is the hash of its file", () => {
  const hash = "0123456789abcdef".repeat(4);
  assert.equal(keyOf(`http://127.0.0.1/file=/tmp/${hash}/hero_5_32x32.png`), hash);
});

test("a mask from a result covers its visible pixels and no others", () => {
  const picture = emptyPicture(2, 2), pixels = new Uint8ClampedArray(16);
  pixels[3] = 255;
  pixels[7] = 127;
  pixels[11] = 128;
  picture.mask.set([0, 1, 0, 1]);
  maskVisible(picture, pixels);
  assert.deepEqual([...picture.mask], [1, 0, 1, 0]);
});
