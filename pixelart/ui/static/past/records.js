// A record of the history: {key, time, png: bytes, settings: JSON text}.

import { decode } from "../canvas/value.js";
import { sizeOf, withText } from "./png.js";

export const MOST = 500, MOST_BYTES = 64 * 2 ** 20;

// A short name of a text (cyrb53): the same picture with the same settings is one record.
export function hashOf(text) {
  let a = 0xdeadbeef, b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}

// The records of the results [{png: base64, settings}] of a run; the first is the newest.
export function recordsOf(results, time) {
  return results.map(({ png, settings }, i) => ({
    key: hashOf(png + settings), time: time + (results.length - i) / 1000, png: decode(png), settings,
  }));
}

// Whether a value of the browser's storage is a record.
export const isRecord = (value) =>
  typeof value?.key === "string" && typeof value.settings === "string" && value.png instanceof Uint8Array && Number.isFinite(value.time);

const bytesOf = ({ png, settings }) => png.length + settings.length;

// The records beyond the limits; `records` are the newest first.
export function beyond(records, most = MOST, mostBytes = MOST_BYTES) {
  let room = mostBytes;
  return records.filter((record, i) => (room -= bytesOf(record)) < 0 || i >= most);
}

// The settings of a record, {} if they are damaged.
export function settingsOf({ settings }) {
  try {
    return JSON.parse(settings) || {};
  } catch {
    return {};
  }
}

const classOf = ({ class_weights: weights }) => Object.keys(weights || {}).join(" + ");

// The file name, as Python's exports have.
export function fileNameOf(record) {
  const settings = settingsOf(record), [width, height] = sizeOf(record.png);
  const name = classOf(settings).replace(/[^\p{L}\p{N}_-]+/gu, "-") || "any";
  return `${name}_${settings.seed ?? 0}_${width}x${height}.png`;
}

// The PNG with its settings inside.
export const fileOf = (record) => ({ name: fileNameOf(record), bytes: withText(record.png, "pixelart", record.settings) });

const plain = (value) => (typeof value === "number" ? String(Number(value.toFixed(3))) : String(value));

function kindOf({ mask, factor, keep }) {
  if (factor) return `enlarged ×${factor}`;
  const all = Array.isArray(mask) && mask.length === 2 && mask[0] === 0;
  return all ? (keep ? "new colours" : "generated") : "completed";
}

// A temperature as text: that of the first and the last row of an even change, or the range of a painted one.
function temperatureText(temperature) {
  const values = temperature?.runs?.map(([value]) => value) ?? (Array.isArray(temperature) ? temperature.flat() : null);
  if (!values?.length) return temperature;
  const least = values.reduce((a, b) => Math.min(a, b)), most = values.reduce((a, b) => Math.max(a, b));
  const ends = [values[0], values.at(-1)], isBetween = ends.includes(least) && ends.includes(most);
  return (isBetween ? ends : [least, most]).map(plain).join(" to ");
}

// [label, text] of what a picture's settings say, for people. `controls`: [field, label, usual value] of those that are
// told only where they are unusual.
export function linesOf(record, controls = []) {
  const settings = settingsOf(record), { temperature, allowed, colours } = settings;
  const rows = [
    ["Model", settings.checkpoint], ["Class", classOf(settings) || "any"], ["Look", settings.look],
    ["Kind", settings.kind], ["Seed", settings.seed], ["Drawn", kindOf(settings)],
    ["Size", String(settings.size || "").replace("x", " x ")], ["Temperature", temperatureText(temperature)],
    ...controls.map(([field, label, usual]) => [label, settings[field] === usual ? "" : settings[field]]),
    ["Keeps", settings.keep], ["Seamless", settings.seamless], ["Window", settings.window?.join?.(", ")],
    ["Colours", allowed ? `${allowed.length} allowed` : colours && `${colours.length} of its own`],
  ];
  const isTold = ([, value]) => value !== undefined && value !== null && value !== "" && value !== false;
  return rows.filter(isTold).map(([label, value]) => [label, plain(value)]);
}

// Whether the settings of a file, which anyone may have written, can be shown.
export function isReadable(record) {
  try {
    return linesOf(record).length > 0 && fileNameOf(record).length > 0;
  } catch {
    return false;
  }
}

// The labels whose texts differ between two records.
export function differing(one, other, controls = []) {
  const [a, b] = [one, other].map((record) => Object.fromEntries(linesOf(record, controls)));
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((label) => a[label] !== b[label]);
}
