// Palettes, which are lists of names "rrggbb": those of a picture, with added colours, and a picture in other colours.

import { coloursOf } from "./brush.js";
import { colourOf, hexOf } from "./colours.js";
import { nearestIn } from "./oklab.js";
import { copyOf, setColour } from "./picture.js";

export const MOST_COLOURS = 256;

const bytesIn = (number) => [number & 255, (number >> 8) & 255, (number >> 16) & 255, number >>> 24];

// The exact opaque colours of a picture, the most frequent first.
export function paletteOf(picture) {
  const counts = new Map();
  for (const number of coloursOf(picture)) if (number >>> 24 === 255) counts.set(number, (counts.get(number) || 0) + 1);
  const frequent = [...counts].sort(([, one], [, other]) => other - one).slice(0, MOST_COLOURS);
  return frequent.map(([number]) => hexOf(bytesIn(number).slice(0, 3)));
}

// The names and more, each once.
export const withMore = (names, more) => [...new Set([...names, ...more])].slice(0, MOST_COLOURS);

// What became of names that were added.
export function addedText(names, more) {
  const wanted = new Set([...names, ...more]).size - names.length, added = withMore(names, more).length - names.length;
  if (added < wanted) return `Added ${added} of ${coloursText(wanted)}: My colours is full (${MOST_COLOURS}).`;
  return wanted ? `Added ${coloursText(added)} to My colours.` : "My colours has no new ones.";
}

export const coloursText = (count) => (count === 1 ? "1 colour" : `${count} colours`);

export const isPalette = (value) =>
  Array.isArray(value) && value.length <= MOST_COLOURS && value.every((name) => /^[0-9a-f]{6}$/.test(name));

// A copy in which each visible pixel has the nearest colour of a palette (only selected ones, if there is a selection).
// Transparency stays.
export function recoloured(picture, names) {
  const made = copyOf(picture), nearest = nearestIn(names), known = new Map();
  coloursOf(picture).forEach((number, index) => {
    const alpha = number >>> 24;
    if (!alpha) return;
    if (!known.has(number)) known.set(number, [...colourOf(nearest(bytesIn(number).slice(0, 3))).slice(0, 3), alpha]);
    setColour(made, index, known.get(number));
  });
  return made;
}

// How many colours of `before` are another one in `after`.
export function countChanged(before, after) {
  const [from, to] = [coloursOf(before), coloursOf(after)], changed = new Set();
  from.forEach((number, i) => { if (number !== to[i]) changed.add(number); });
  return changed.size;
}
