// Masks as files: white is masked, black is not.

import { saveBlob } from "../download.js";
import { blobOf, pixelsIn } from "./images.js";
import { maskFromPixels, maskPixels } from "./mask.js";
import { mebibytes } from "./words.js";

export async function saveMask(canvas) {
  if (!canvas.picture) return;
  const { width, height } = canvas.picture;
  saveBlob("mask.png", await blobOf({ width, height, pixels: maskPixels(canvas.picture) }));
}

export function listenToMaskFiles(canvas) {
  canvas.$(".mask-file").addEventListener("change", ({ target }) => { readMask(canvas, target.files[0]); target.value = ""; });
}

async function readMask(canvas, file) {
  const { picture, limits } = canvas;
  if (!file || !picture) return;
  if (file.size > limits.fileBytes) return canvas.say(`${file.name}: ${mebibytes(file.size)}; the limit is ${mebibytes(limits.fileBytes)}`);
  const found = await pixelsIn(file).catch(() => null);
  if (!found) return canvas.say(`${file.name}: not a picture`);
  if (found.width !== picture.width || found.height !== picture.height) {
    return canvas.say(`The mask is ${found.width} x ${found.height}; the picture is ${picture.width} x ${picture.height}.`);
  }
  canvas.edit((now) => { now.mask = maskFromPixels(found.pixels); });
}
