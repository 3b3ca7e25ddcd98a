// Keys and buttons of the tables of tools and commands.

import { keyName } from "./words.js";

export const keysOf = ({ key, keys = [] }) => (key ? [key, ...keys] : keys);

// What a key writes; on a keyboard of another script, such as Cyrillic, the Latin letter at its place.
const letterOf = ({ key, code }) => (/[^ -~]/.test(key) && /^Key[A-Z]$/.exec(code)?.[0].at(-1)) || key;

// The name of a key with its modifiers, as in the tables. Many keyboards write "[" with AltGr (or Option): then these
// and Control, which Windows adds, are no modifiers.
export function chordOf(event) {
  const { key, ctrlKey, metaKey, shiftKey } = event, isAlt = event.altKey || event.getModifierState?.("AltGraph");
  if (isAlt && !metaKey && /^[!-/:-@[-`{-~]$/.test(key)) return key;
  return (ctrlKey || metaKey ? "ctrl+" : "") + (isAlt ? "alt+" : "") + (shiftKey ? "shift+" : "") + letterOf(event).toLowerCase();
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
