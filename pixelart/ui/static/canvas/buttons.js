// What the tables of tools and commands say of keys and buttons.

import { keyName } from "./words.js";

export const keysOf = ({ key, keys = [] }) => (key ? [key, ...keys] : keys);

// A key's name with its modifiers, as the tables write it.
export function chordOf({ key, ctrlKey, metaKey, shiftKey }) {
  const name = key.toLowerCase();
  return ctrlKey || metaKey ? `ctrl+${shiftKey ? "shift+" : ""}${name}` : name;
}

// The entry of a table that has this key.
export const entryOfKey = (table, chord) => table.find((entry) => keysOf(entry).includes(chord));

// What a button shows and says: {label, caption, title, icon}.
export function buttonOf(entry, limits) {
  const { label, caption = label, icon, purpose, help, note } = entry, [key] = keysOf(entry);
  const hints = [key && keyName(key), help, note?.(limits)].filter(Boolean).join("; ");
  const title = (entry.title || label) + (purpose ? `: ${purpose}` : "") + (hints ? ` (${hints})` : "");
  return { label, caption, title, icon };
}
