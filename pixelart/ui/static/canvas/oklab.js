// Oklab (Ottosson 2020, bottosson.github.io/posts/oklab): a space in which distances are about as large as they look.
// A colour is [r, g, b, ...] of 0..255; Oklab is [L, a, b], with L of 0..1.

import { colourOf, hexOf } from "./colours.js";

export const linear = (byte) => (byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);

function byteOf(value) {
  const v = Math.min(1, Math.max(0, value));
  return Math.round(255 * (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055));
}

export function oklabOf(colour) {
  const [r, g, b] = [0, 1, 2].map((i) => linear(colour[i]));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
  ];
}

// Linear sRGB, which lies outside 0..1 for what a screen cannot show.
export function linearOf([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.2914855480 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
  ];
}

// An opaque colour; what a screen cannot show is clipped.
export const colourOfLinear = (rgb) => [...rgb.map(byteOf), 255];
export const colourOfOklab = (lab) => colourOfLinear(linearOf(lab));

const distance = (one, other) => one.reduce((sum, v, i) => sum + (v - other[i]) ** 2, 0);

// A function that finds the nearest of the palette's colours (names) for a colour. An equal colour wins.
export function nearestIn(names) {
  const labs = names.map((name) => oklabOf(colourOf(name)));
  return (colour) => {
    const own = names.indexOf(hexOf(colour)), lab = oklabOf(colour), far = labs.map((one) => distance(one, lab));
    return names[own >= 0 ? own : far.indexOf(Math.min(...far))];
  };
}

// Names of `steps` colours from one to the other, at equal steps in Oklab; both ends stay exact.
export function rampOf(from, to, steps) {
  const [a, b] = [oklabOf(from), oklabOf(to)];
  return [...Array(steps).keys()].map((i) => {
    const t = i / (steps - 1), between = a.map((v, c) => v + t * (b[c] - v));
    return hexOf(i === 0 ? from : i === steps - 1 ? to : colourOfOklab(between));
  });
}

const GRAY = 0.03, HUES = 12;    // chroma below which a colour has no hue; groups of hues around the circle

// Names in ramps: grays first, then groups of hues from red on; each from light to dark.
export function inRamps(names) {
  const placed = names.map((name) => {
    const [L, a, b] = oklabOf(colourOf(name)), turn = Math.atan2(b, a) / (2 * Math.PI);
    const group = Math.hypot(a, b) < GRAY ? -1 : Math.round(((turn + 1) % 1) * HUES) % HUES;
    return { name, L, group };
  });
  return placed.sort((one, other) => one.group - other.group || other.L - one.L).map(({ name }) => name);
}
