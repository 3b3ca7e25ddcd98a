// The file of a result, which gradio's gallery or a star shows, and what becomes of it.

import { encode } from "./canvas/value.js";
import { settingsIn } from "./past/png.js";

export const imageOf = (item) => item.querySelector("img");

// {blob, name}, or null without an answer, or with one that is an error. The browser may have the file in its cache,
// where it stays after the server has dropped it; its address holds a hash, so it is the right one.
export async function fileOf(item) {
  const { src } = imageOf(item), answer = await fetch(src, { cache: "force-cache" }).catch(() => null);
  if (!answer?.ok) return null;
  const blob = await answer.blob().catch(() => null);
  return blob && { blob, name: item.dataset.name || decodeURIComponent(src.split("/").pop()) };
}

// Whether the browser copied a PNG. It has no clipboard on a page by plain http.
export async function copied(blob) {
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
    return true;
  } catch { return false; }
}

const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());
export const textOf = async (blob) => encode(await bytesOf(blob));

// What Python needs of a result: its PNG in base64, and the settings that it carries.
export async function postOf(blob) {
  const bytes = await bytesOf(blob);
  return { data: encode(bytes), settings: settingsIn(bytes) };
}
