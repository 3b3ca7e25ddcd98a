// The value that the page and Python share: {width, height, pixels, mask, temperature, preview, palette, ticket}, bytes
// as base64; a temperature of null is 100 everywhere. The page adds `window`, the corner [top, left] of the model's
// window where Complete uses it (window.js). From Python, a mask or palette of null keeps the current one, `preview`
// marks a frame of a drawing in progress, and pixels of null remove the frames. A palette belongs to the chosen model;
// with it come the model's size and the `largest` that it draws at once. The page sends the visitor's painting, never a
// frame. Python may also send {own}: colours that are added to the visitor's own.

import { emptyPicture, sameSize } from "./picture.js";
import { hasTemperature } from "./temperature.js";

// Base64, by the browser's own code where it has some: that is many times as fast.
export function encode(bytes) {
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  if (plain.toBase64) return plain.toBase64();
  let text = "";
  for (let i = 0; i < plain.length; i += 0x8000) text += String.fromCharCode(...plain.subarray(i, i + 0x8000));
  return btoa(text);
}

export const decode = (text) =>
  Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

export function valueOf(picture) {
  const { width, height, pixels, mask } = picture, isPainted = hasTemperature(picture);
  const temperature = isPainted ? encode(picture.temperature) : null;
  const layers = { pixels: encode(pixels), mask: encode(mask), temperature };
  return { width, height, ...layers, preview: false, palette: null, ticket: null };
}

// The picture of a value. If the value has no mask, it gets those of `before`, its selection and its temperature, if
// the size is the same.
export function pictureOf(value, before) {
  const next = emptyPicture(value.width, value.height);
  next.pixels.set(decode(value.pixels));
  if (value.temperature) next.temperature = decode(value.temperature);
  if (value.mask) next.mask.set(decode(value.mask));
  else if (before && sameSize(before, next)) {
    next.mask.set(before.mask);
    next.selection = before.selection;
    next.temperature = before.temperature ? before.temperature.slice() : null;
  }
  return next;
}
