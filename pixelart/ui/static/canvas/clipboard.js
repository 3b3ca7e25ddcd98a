// Copy and paste. The canvas keeps the exact piece; the system's clipboard also gets it as PNG, where the browser
// allows.

import { blobOf, pixelsIn } from "./images.js";
import { importFile, pictureIn } from "./files.js";
import { isTyping } from "./keyboard.js";
import { pieceOf } from "./selection.js";
import { toolNamed } from "./tools.js";

// Copies the selected pixels; without a selection, all.
export function copyToClipboard(canvas) {
  if (!canvas.picture) return;
  canvas.copied = canvas.floating.piece || pieceOf(canvas.picture);
  const { width, height } = canvas.copied;
  canvas.say(`Copied ${width} x ${height} pixels`);
  write(canvas.copied).catch(() => {});    // refused: the canvas's own copy is enough
}

async function write(piece) {
  await navigator.clipboard.write([new ClipboardItem({ "image/png": blobOf(piece) })]);
}

// By the menu: the canvas's own copy, else a picture of the system's clipboard.
export async function pasteFromClipboard(canvas) {
  if (canvas.copied) return placePiece(canvas, canvas.copied);
  try {
    const [item] = await navigator.clipboard.read();
    importFile(canvas, new File([await item.getType("image/png")], "pasted.png", { type: "image/png" }));
  } catch {
    canvas.say("Press Ctrl+V to paste.");
  }
}

export function listenToPaste(canvas) {
  canvas.onPage("paste", async (event) => {
    const file = pictureIn(event.clipboardData);
    if (!canvas.isShown || !canvas.picture || isTyping(event.target) || event.target.closest?.("dialog")) return;
    if (canvas.copied && (!file || await isCopyOf(file, canvas.copied))) placePiece(canvas, canvas.copied);
    else if (file) importFile(canvas, file);
  });
}

// Puts a piece on the picture; it floats until it is put down.
export function placePiece(canvas, piece) {
  if (!canvas.canEdit) return;
  if (!canvas.tool.selects) canvas.setTool(toolNamed(canvas.tools, "select"));
  canvas.floating.paste(piece);
  canvas.exchange.publish();
}

// Whether a file shows what was copied here. Browsers change the colours of half-transparent pixels.
async function isCopyOf(file, { width, height, pixels }) {
  const found = await pixelsIn(file).catch(() => null);
  if (!found || found.width !== width || found.height !== height) return false;
  return pixels.every((value, i) => found.pixels[i] === value || (i % 4 < 3 && pixels[i | 3] < 255));
}
