// Keys and buttons of the tables of tools and commands.

import { keyName } from "./words.js";

export const keysOf = ({ key, keys = [] }) => (key ? [key, ...keys] : keys);

// The name of a key with its modifiers, as in the tables.
export function chordOf({ key, ctrlKey, metaKey, shiftKey }) {
  return (ctrlKey || metaKey ? "ctrl+" : "") + (shiftKey ? "shift+" : "") + key.toLowerCase();
}

// The entry of a table that has this key, or that has it without Shift (which some keyboards need, as for "#").
export function entryOfKey(table, chord) {
  const having = (wanted) => table.find((entry) => keysOf(entry).includes(wanted));
  return having(chord) || (chord.startsWith("shift+") ? having(chord.slice("shift+".length)) : undefined);
}

// The texts and icon of a button: {label, caption, title, icon}.
export function buttonOf(entry, limits) {
  const { label, caption = label, icon, purpose, help, note } = entry, [key] = keysOf(entry);
  const hints = [key && keyName(key), help, note?.(limits)].filter(Boolean).join("; ");
  const title = (entry.title || label) + (purpose ? `: ${purpose}` : "") + (hints ? ` (${hints})` : "");
  return { label, caption, title, icon };
}
