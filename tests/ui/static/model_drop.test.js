// The .zip of a model goes to Python in parts, one after the other.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PartSender } from "../../../pixelart/ui/static/model_drop.js";

const fileOf = (name, bytes) => ({ name, size: bytes.length, slice: (from, to) => bytes.slice(from, to) });

function senderOf({ mostBytes = 100, read = async (part) => [...part].join("") } = {}) {
  const line = { textContent: "" }, sent = [];
  const sender = new PartSender(line, (name, data) => sent.push([name, data]), { mostBytes, partBytes: 4 }, read);
  return { sender, line, sent };
}

test("each part is sent when Python has the one before, then the model is asked for", async () => {
  const { sender, sent } = senderOf();
  await sender.take([fileOf("mine.zip", [1, 2, 3, 4, 5, 6, 7, 8, 9])]);
  const got = () => { const [, { offset, data }] = sent.at(-1); return offset + data.length; };
  while (sent.at(-1)[0] === "upload") await sender.answer({ number: 1, next: got() });
  assert.deepEqual(sent.map(([name]) => name), ["upload", "upload", "upload", "select"]);
  assert.deepEqual(sent[1][1], { name: "mine.zip", size: 9, number: 1, offset: 4, data: "5678" });
});

test("an answer about an earlier file, and one without a file, send nothing", async () => {
  const { sender, sent } = senderOf();
  await sender.answer({ number: 0, next: 0 });
  await sender.answer(null);
  await sender.take([fileOf("a.zip", [1, 2, 3, 4, 5])]);
  await sender.take([fileOf("b.zip", [1, 2, 3, 4, 5])]);
  await sender.answer({ number: 1, next: 4 });
  assert.deepEqual(sent.map(([, { name, offset }]) => [name, offset]), [["a.zip", 0], ["b.zip", 0]]);
});

test("what cannot be sent is told in one line", async () => {
  const { sender, line, sent } = senderOf({ mostBytes: 3, read: async () => { throw new Error("gone"); } });
  await sender.take([fileOf("large.zip", [1, 2, 3, 4])]);
  assert.match(line.textContent, /^large.zip is 0 MiB; the limit is/);
  await sender.take([], undefined);
  assert.equal(line.textContent, "That is not a file. Drop a .zip of a model.");
  await sender.take([fileOf("gone.zip", [1])]);
  assert.equal(line.textContent, "gone.zip cannot be read.");
  await sender.take([fileOf("b.zip", [1])]);
  assert.deepEqual(sent, []);
  const other = senderOf();
  await other.sender.take([fileOf("a.zip", [1])]);
  await other.sender.answer({ number: 1, failed: "The disk is full." });
  assert.equal(other.line.textContent, "The disk is full.");
});
