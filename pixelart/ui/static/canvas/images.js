// Pictures as PNG, by the browser's own encoder and decoder.

import { exactPixels } from "./png_pixels.js";

function sheet(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

// {width, height, pixels} as a PNG.
export function blobOf({ width, height, pixels }) {
  const canvas = sheet(width, height);
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels), width, height), 0, 0);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}

// The pixels of a picture file. Half-transparent pixels of files that are no PNG of 8-bit RGBA may differ a little.
export async function pixelsIn(file) {
  const exact = await file.arrayBuffer().then((data) => exactPixels(new Uint8Array(data))).catch(() => null);
  return exact ?? decoded(file);
}

async function decoded(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }), { width, height } = bitmap;
  const pen = sheet(width, height).getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  return { width, height, pixels: pen.getImageData(0, 0, width, height).data };
}
