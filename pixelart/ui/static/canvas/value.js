// The value that the page and Python share: {width, height, pixels, mask, preview, palette, ticket}, bytes as base64.
// Python sends a mask or a palette of null to keep the one that is there, and sets `preview` for a frame of a drawing
// in progress; pixels of null remove the frames. A palette is the chosen model's, and comes with its size. The page
// sends the visitor's painting, never a frame.

import { emptyPicture, sameSize } from "./picture.js";

export function encode(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

export const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

export function valueOf({ width, height, pixels, mask }) {
  return { width, height, pixels: encode(pixels), mask: encode(mask), preview: false, palette: null, ticket: null };
}

// The picture of a value; without a mask of its own it gets that of `before`, if the size is the same.
export function pictureOf(value, before) {
  const next = emptyPicture(value.width, value.height);
  next.pixels.set(decode(value.pixels));
  if (value.mask) next.mask.set(decode(value.mask));
  else if (before && sameSize(before, next)) next.mask.set(before.mask);
  return next;
}
