// Palette files that are loaded as the visitor's own colours: Python reads them.

import { encode } from "./value.js";

export function listenToPaletteFiles(canvas) {
  canvas.$(".palette-file").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    if (!file) return;
    const bytes = new Uint8Array(await file.slice(0, canvas.limits.paletteBytes + 1).arrayBuffer());
    target.value = "";
    canvas.trigger("palette", { name: file.name, data: encode(bytes) });    // Python checks the size
  });
}
