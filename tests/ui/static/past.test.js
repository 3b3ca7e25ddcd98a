// The history: settings in PNG files, ZIP files, and what is kept.

import assert from "node:assert/strict";
import test from "node:test";
import { deflateSync } from "node:zlib";

import { crc32, isPng, settingsIn, sizeOf, textIn, withText } from "../../../pixelart/ui/static/past/png.js";
import {
  beyond, differing, fileNameOf, fileOf, hashOf, isReadable, isRecord, linesOf, recordsOf,
} from "../../../pixelart/ui/static/past/records.js";
import { zipOf } from "../../../pixelart/ui/static/past/zip.js";

const bytesOf = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const number = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
const SETTINGS = {
  checkpoint: "studio", class_weights: { "ice mage": 1 }, seed: 7, size: "3x2", temperature: 0.8, top_p: 1, top_k: 0, mask: [0, 6],
};

function chunk(kind, data) {
  const body = [...bytesOf(kind), ...data];
  return [...number(data.length), ...body, ...number(crc32(Uint8Array.from(body)))];
}

// A PNG of 3 x 2 pixels with more chunks after its header.
function png(...chunks) {
  const header = chunk("IHDR", [...number(3), ...number(2), 8, 0, 0, 0, 0]);
  const pixels = chunk("IDAT", [...deflateSync(Uint8Array.of(0, 1, 2, 3, 0, 4, 5, 6))]);
  return Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, ...header, ...chunks.flat(), ...pixels, ...chunk("IEND", [])]);
}

const recordOf = (settings, time = 1) => ({ key: String(time), time, png: png(), settings: JSON.stringify(settings) });

test("the checksum is that of PNG", () => {
  assert.equal(crc32(bytesOf("123456789")), 0xcbf43926);
  assert.equal(crc32(bytesOf("IEND")), 0xae426082);
});

test("settings are read from a text chunk of either kind, and written so that they are read again", () => {
  const text = JSON.stringify(SETTINGS), plain = png(chunk("tEXt", bytesOf(`other\0x`)), chunk("tEXt", bytesOf(`pixelart\0${text}`)));
  const international = png(chunk("iTXt", bytesOf(`pixelart\0\0\0en\0\0${text}`)));
  for (const file of [plain, international, withText(png(), "pixelart", text)]) assert.equal(settingsIn(file), text);
  assert.deepEqual(withText(png(), "pixelart", text), png(chunk("tEXt", bytesOf(`pixelart\0${text}`))));
  assert.deepEqual([sizeOf(plain), isPng(plain), sizeOf(bytesOf("GIF89a"))], [[3, 2], true, [0, 0]]);
});

test("files without our settings, and damaged ones, carry none", () => {
  const broken = withText(png(), "pixelart", '{"checkpoint": "a"');
  const cut = withText(png(), "pixelart", JSON.stringify(SETTINGS)).subarray(0, 60);
  for (const file of [png(), broken, cut, bytesOf("not a PNG"), withText(png(), "pixelart", "[1]"), new Uint8Array()]) {
    assert.equal(settingsIn(file), null);
  }
  assert.equal(textIn(png(chunk("zTXt", bytesOf("pixelart\0\0x"))), "pixelart"), null);
});

// The files of a ZIP, from its directory.
function unzipped(bytes) {
  const view = new DataView(bytes.buffer), end = bytes.length - 22, files = [];
  assert.equal(view.getUint32(end, true), 0x06054b50);
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    const length = view.getUint32(at + 24, true), nameLength = view.getUint16(at + 28, true);
    const from = view.getUint32(at + 42, true);
    const start = from + 30 + view.getUint16(from + 26, true), data = bytes.subarray(start, start + length);
    assert.deepEqual([view.getUint32(at, true), view.getUint32(from, true)], [0x02014b50, 0x04034b50]);
    assert.equal(view.getUint32(at + 16, true), crc32(data));
    files.push([new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength)), [...data]]);
    at += 46 + nameLength;
  }
  return files;
}

test("a ZIP holds the bytes of every file; a name that occurs again gets a number", () => {
  const files = [["a.png", [1, 2, 3]], ["é.png", []], ["a.png", [4]]];
  const made = zipOf(files.map(([name, bytes]) => ({ name, bytes: Uint8Array.from(bytes) })));
  assert.deepEqual(unzipped(made), [files[0], files[1], ["a-2.png", [4]]]);
  assert.deepEqual(unzipped(zipOf([])), []);
});

test("the pictures of a run become records, the first one the newest, and equal ones one", () => {
  const results = ["AAAA", "AAAB", "AAAA"].map((data) => ({ png: data, settings: "{}" }));
  const records = recordsOf(results, 50);
  assert.deepEqual(records.map(({ time }) => Math.sign(time - 50)), [1, 1, 1]);
  assert.ok(records[0].time > records[1].time && records.every(isRecord));
  assert.deepEqual([records[0].key === records[2].key, records[0].key === records[1].key], [true, false]);
  assert.notEqual(hashOf("a"), hashOf("b"));
  const damaged = [null, {}, { ...records[0], png: [1] }, { ...records[0], time: NaN }];
  assert.ok(!damaged.some(isRecord));
});

test("the oldest beyond the limit of count or bytes are dropped", () => {
  const records = [4, 3, 2, 1].map((time) => recordOf({}, time)), size = records[0].png.length + 2;
  assert.deepEqual(beyond(records, 3).map(({ time }) => time), [1]);
  assert.deepEqual(beyond(records, 9, 2 * size).map(({ time }) => time), [2, 1]);
  assert.deepEqual(beyond(records), []);
});

test("a picture tells its settings, and two what differs", () => {
  const one = recordOf(SETTINGS), lines = Object.fromEntries(linesOf(one));
  assert.deepEqual([lines.Model, lines.Class, lines.Seed, lines.Drawn, lines.Size], ["studio", "ice mage", "7", "generated", "3 x 2"]);
  const other = recordOf({ ...SETTINGS, seed: 8, mask: [1, 2, 3], temperature: [[1, 1, 1], [0.5, 0.5, 0.5]] });
  assert.deepEqual(differing(one, other), ["Seed", "Drawn", "Temperature"]);
  assert.equal(Object.fromEntries(linesOf(other)).Temperature, "1 to 0.5");
  const of = (kind, look) => recordOf({ ...SETTINGS, kind, look });
  assert.deepEqual(differing(of("sword", "dungeon"), of("axe", "dungeon")), ["Kind"]);
  assert.deepEqual(differing(of("sword", "dungeon"), one), ["Look", "Kind"]);
  assert.ok(!("Kind" in Object.fromEntries(linesOf(of("", "")))), "none is not told");
  const controls = [["top_p", "Share", 1], ["top_k", "Most", 9]];
  assert.deepEqual([lines.Most, Object.fromEntries(linesOf(one, controls)).Most], [undefined, "0"]);
  assert.ok(!("Share" in Object.fromEntries(linesOf(one, controls))), "told only where it is unusual");
  assert.deepEqual(linesOf({ settings: "{" }), [["Class", "any"], ["Drawn", "completed"]], "damaged");
});

test("a painted temperature is told by its range, also where the corners are not painted", () => {
  const told = (runs) => Object.fromEntries(linesOf(recordOf({ temperature: { width: 3, runs } }))).Temperature;
  assert.equal(told([[1, 2], [0.5, 1], [1.6, 1], [1, 2]]), "0.5 to 1.6");
  assert.equal(told([[1.2, 3], [0.3, 3]]), "1.2 to 0.3", "an even change keeps its direction");
});

test("a file of which the settings cannot be shown is refused", () => {
  assert.ok(isReadable(recordOf(SETTINGS)) && isReadable(recordOf({})));
  for (const wrong of [{ temperature: { runs: "abc" } }, { temperature: { runs: [null] } }, { colours: { length: {} } , class_weights: 3, temperature: { runs: 7 } }]) {
    assert.ok(!isReadable(recordOf(wrong)), JSON.stringify(wrong));
  }
});

test("a file has the name of its picture and its settings inside", () => {
  const record = recordOf(SETTINGS), { name, bytes } = fileOf(record);
  assert.deepEqual([name, fileNameOf(recordOf({}))], ["ice-mage_7_3x2.png", "any_0_3x2.png"]);
  assert.equal(settingsIn(bytes), record.settings);
});
