// Keys and buttons of the tables of tools and commands.

import { keyName } from "./words.js";

export const keysOf = ({ key, keys = [] }) => (key ? [key, ...keys] : keys);

// The name of a key with its modifiers, as in the tables.
export function chordOf({ key, ctrlKey, metaKey, shiftKey }) {
  const name = key.toLowerCase();
  return ctrlKey || metaKey ? `ctrl+${shiftKey ? "shift+" : ""}${name}` : name;
}

// The entry of a table that has this key.
export const entryOfKey = (table, chord) => table.find((entry) => keysOf(entry).includes(chord));

// The texts and icon of a button: {label, caption, title, icon}.
export function buttonOf(entry, limits) {
  const { label, caption = label, icon, purpose, help, note } = entry, [key] = keysOf(entry);
  const hints = [key && keyName(key), help, note?.(limits)].filter(Boolean).join("; ");
  const title = (entry.title || label) + (purpose ? `: ${purpose}` : "") + (hints ? ` (${hints})` : "");
  return { label, caption, title, icon };
}
