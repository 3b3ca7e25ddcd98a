// Colours: [r, g, b, alpha] of 0..255, and their names "rrggbb"; the empty name is transparent.

import { CLEAR } from "./picture.js";

// Whose colours the panel shows; or the name of a known palette.
export const MODEL = "model", PICTURE = "picture", OWN = "own";

// Offered if no model is chosen (DawnBringer's 32 colours).
export const FREE_COLOURS = ("000000 222034 45283c 663931 8f563b df7126 d9a066 eec39a fbf236 99e550 6abe30 37946e 4b692f " +
  "524b24 323c39 3f3f74 306082 5b6ee1 639bff 5fcde4 cbdbfc ffffff 9badb7 847e87 696a6a 595652 76428a ac3232 " +
  "d95763 d77bba 8f974a 8a6f30").split(" ");

export const hexOf = ([r, g, b]) => [r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("");

export function colourOf(hex) {
  return hex ? [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)).concat(255) : [...CLEAR];
}

// The name of a colour in palettes; null for a half-transparent colour, which no palette has.
export const swatchNameOf = (colour) => (colour[3] === 255 ? hexOf(colour) : colour[3] ? null : "");

export const nameOf = (hex) => (hex ? "#" + hex : "transparent");

// The tooltip of a colour.
export function describeColour(colour) {
  const alpha = colour[3], seen = Math.round(alpha / 2.55);
  return alpha ? `Colour #${hexOf(colour)}` + (alpha < 255 ? `, ${seen} % opaque` : "") : "Transparent";
}

// The colour that a new palette starts with: the middle one.
export const middleColour = (names) => colourOf(names[Math.min(names.length - 1, names.length >> 1)]);

export const isColour = (value) =>
  Array.isArray(value) && value.length === 4 && value.every((v) => Number.isInteger(v) && v >= 0 && v <= 255);
