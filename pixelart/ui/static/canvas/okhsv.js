// OKHSV (Ottosson 2021, bottosson.github.io/posts/colorpicker; his code is under the MIT licence): hue, saturation and
// value over exactly the colours of sRGB, with the even hues of Oklab. All three are 0..1.

import { colourOfLinear, linearOf, oklabOf } from "./oklab.js";

const K1 = 0.206, K2 = 0.03, K3 = (1 + K1) / (1 + K2), S0 = 0.5;
const GRAY = 1e-4;    // chroma below which rounding alone makes a hue

// A lightness with which black and white are as far from the middle as they look, and back.
const toe = (x) => 0.5 * (K3 * x - K1 + Math.sqrt((K3 * x - K1) ** 2 + 4 * K2 * K3 * x));
const toeInverse = (x) => (x * x + K1 * x) / (K3 * (x + K2));

// A polynomial for the saturation at which red, green or blue reaches 0: the five k, and that channel's row of the
// matrix to linear sRGB.
const RED = [
  [1.19086277, 1.76576728, 0.59662641, 0.75515197, 0.56771245], [4.0767416621, -3.3077115913, 0.2309699292],
];
const GREEN = [
  [0.73956515, -0.45954404, 0.08285427, 0.12541070, 0.14503204], [-1.2684380046, 2.6097574011, -0.3413193965],
];
const BLUE = [
  [1.35733652, -0.00915799, -1.15130210, -0.50559606, 0.00692167], [-0.0041960863, -0.7034186147, 1.7076147010],
];
const SLOPES = [[0.3963377774, 0.2158037573], [-0.1055613458, -0.0638541728], [-0.0894841775, -1.2914855480]];

function channelOf(a, b) {
  if (-1.88170328 * a - 0.80936493 * b > 1) return RED;
  return 1.81444104 * a - 1.19445276 * b > 1 ? GREEN : BLUE;
}

// The largest C / L inside sRGB for a hue (a, b) of length 1: the polynomial, and one step of Halley's method.
function maxSaturation(a, b) {
  const [k, weights] = channelOf(a, b), S = k[0] + k[1] * a + k[2] * b + k[3] * a * a + k[4] * a * b;
  let f = 0, f1 = 0, f2 = 0;
  SLOPES.forEach(([byA, byB], i) => {
    const slope = byA * a + byB * b, root = 1 + S * slope;
    f += weights[i] * root ** 3;
    f1 += weights[i] * 3 * slope * root ** 2;
    f2 += weights[i] * 6 * slope ** 2 * root;
  });
  return S - f * f1 / (f1 * f1 - 0.5 * f * f2);
}

// The corner of the triangle that sRGB about is at this hue, as C / L and C / (1 - L).
function cuspOf(a, b) {
  const S = maxSaturation(a, b), L = Math.cbrt(1 / Math.max(...linearOf([1, S * a, S * b])));
  return { S, T: L * S / (1 - L), k: 1 - S0 / S };
}

const scaleOf = (L, C, a, b) => Math.cbrt(1 / Math.max(...linearOf([L, a * C, b * C]), 0));

// The opaque colour [r, g, b, 255].
export function colourOfOkhsv([h, s, v]) {
  if (v <= 0) return [0, 0, 0, 255];
  const a = Math.cos(2 * Math.PI * h), b = Math.sin(2 * Math.PI * h), { T, k } = cuspOf(a, b);
  const room = S0 + T - T * k * s, Lv = 1 - s * S0 / room, Cv = s * T * S0 / room, L = toeInverse(v * Lv);
  const Lvt = toeInverse(Lv), scale = scaleOf(Lvt, Cv * Lvt / Lv, a, b), C = v * Cv * L / (v * Lv);
  return colourOfLinear(linearOf([L * scale, C * scale * a, C * scale * b]));
}

// [h, s, v]. A gray has no hue: it gets `hue`.
export function okhsvOf(colour, hue = 0) {
  const [L, labA, labB] = oklabOf(colour), C = Math.hypot(labA, labB);
  if (C < GRAY) return [hue, 0, toe(L)];
  const a = labA / C, b = labB / C, { T, k } = cuspOf(a, b), t = T / (C + L * T), Lv = t * L, Cv = t * C;
  const Lvt = toeInverse(Lv), scale = scaleOf(Lvt, Cv * Lvt / Lv, a, b);
  const h = 0.5 + 0.5 * Math.atan2(-labB, -labA) / Math.PI;
  return [h, (S0 + T) * Cv / (T * S0 + T * k * Cv), toe(L / scale) / Lv];
}
