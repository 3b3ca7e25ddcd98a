// The pixels of PNG files, which stay exact also where they are half transparent.

import assert from "node:assert/strict";
import test from "node:test";
import { deflateSync } from "node:zlib";

import { exactPixels } from "../../../pixelart/ui/static/canvas/png_pixels.js";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10], WIDTH = 7, LENGTH = 4 * WIDTH;
const number = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
const chunk = (kind, data) => [...number(data.length), ...Buffer.from(kind), ...data, 0, 0, 0, 0];

// A PNG whose line y has the filter `filters[y]`.
function pngOf(pixels, filters, format = [8, 6, 0, 0, 0]) {
  const at = (x, y) => (x < 0 || y < 0 ? 0 : pixels[y * LENGTH + x]), lines = [];
  const paeth = (a, b, c) => {
    const far = (one) => Math.abs(a + b - c - one);
    return [a, b, c].reduce((best, one) => (far(one) < far(best) ? one : best));
  };
  const guesses = [() => 0, (a) => a, (a, b) => b, (a, b) => Math.floor((a + b) / 2), paeth];
  filters.forEach((filter, y) => {
    lines.push(filter);
    for (let x = 0; x < LENGTH; x++) {
      const guess = guesses[filter](at(x - 4, y), at(x, y - 1), at(x - 4, y - 1));
      lines.push((at(x, y) - guess) & 255);
    }
  });
  const data = [...deflateSync(Uint8Array.from(lines))], half = data.length >> 1;
  const header = chunk("IHDR", [...number(WIDTH), ...number(filters.length), ...format]);
  const parts = [data.slice(0, half), data.slice(half)].flatMap((part) => chunk("IDAT", part));
  return Uint8Array.from([...SIGNATURE, ...header, ...parts, ...chunk("IEND", [])]);
}

test("every filter gives back every byte, also of half-transparent pixels", async () => {
  const filters = [4, 0, 1, 2, 3, 4, 3, 1];
  const pixels = Uint8Array.from({ length: LENGTH * filters.length }, (_, i) => (i * i * 31 + i * 7) % 256);
  const found = await exactPixels(pngOf(pixels, filters));
  assert.deepEqual([found.width, found.height], [WIDTH, filters.length]);
  assert.deepEqual([...found.pixels], [...pixels]);
});

test("other files are left to the browser, and damaged ones are refused", async () => {
  const pixels = new Uint8Array(LENGTH), png = pngOf(pixels, [0]);
  assert.equal(await exactPixels(pngOf(pixels, [0], [8, 3, 0, 0, 0])), null);
  assert.equal(await exactPixels(pngOf(pixels, [0], [8, 6, 0, 0, 1])), null);
  assert.equal(await exactPixels(Uint8Array.of(1, 2, 3)), null);
  await assert.rejects(exactPixels(png.slice(0, -30)));
});
