// ZIP files without compression: PNG files are compressed already.

import { crc32 } from "./png.js";

const STARTS = { file: 0x04034b50, entry: 0x02014b50, end: 0x06054b50 };
const FIRST_DAY = 0x21;    // 1 January 1980
const UTF8 = 1 << 11;

// Fields as [bytes, value].
function packed(...fields) {
  const made = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0)), view = new DataView(made.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return made;
}

// What the local header and the directory say of a file.
const factsOf = (name, bytes) => [
  [2, 20], [2, UTF8], [2, 0], [2, 0], [2, FIRST_DAY], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length],
  [2, name.length], [2, 0],
];

function joined(parts) {
  const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    made.set(part, at);
    at += part.length;
  }
  return made;
}

// The bytes of a ZIP with the files [{name, bytes}]; names that occur again get a number.
export function zipOf(files) {
  const parts = [], directory = [], taken = new Map();
  let at = 0;
  for (const { name, bytes } of files) {
    const times = taken.get(name) || 0;
    taken.set(name, times + 1);
    const text = new TextEncoder().encode(times ? name.replace(/(\.\w+)?$/, `-${times + 1}$1`) : name);
    const facts = factsOf(text, bytes), file = joined([packed([4, STARTS.file], ...facts), text, bytes]);
    directory.push(packed([4, STARTS.entry], [2, 20], ...facts, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]), text);
    parts.push(file);
    at += file.length;
  }
  const entries = joined(directory), count = files.length;
  const end = packed([4, STARTS.end], [2, 0], [2, 0], [2, count], [2, count], [4, entries.length], [4, at], [2, 0]);
  return joined([...parts, entries, end]);
}
