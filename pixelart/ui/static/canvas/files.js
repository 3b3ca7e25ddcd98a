// Pictures that are chosen or dropped; clipboard.js has those that are pasted.

import { settingsIn } from "../past/png.js";
import { BUSY } from "./strokes.js";
import { encode } from "./value.js";
import { mebibytes } from "./words.js";

const PATIENCE = 120000;    // milliseconds that "Importing" is shown if Python does not answer

export const IMPORTING = "Importing ";

export const pictureIn = (transfer) => [...(transfer?.files || [])].find((file) => file.type.startsWith("image/"));

export function listenToFiles(canvas) {
  const { stage } = canvas;
  canvas.$(".file").addEventListener("change", ({ target }) => { importFile(canvas, target.files[0]); target.value = ""; });
  stage.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("drop"); });
  stage.addEventListener("dragleave", () => stage.classList.remove("drop"));
  stage.addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("drop");
    importFile(canvas, pictureIn(event.dataTransfer));
  });
}

// The file's own bytes go to Python: a browser's decoder would change colours (colour management) and alpha.
// `open`: it replaces the picture without a question.
export async function importFile(canvas, file, open = false) {
  const most = canvas.limits.fileBytes;
  if (!file) return;
  if (canvas.isBusy) return canvas.say(BUSY);
  if (file.size > most) return canvas.say(`${file.name}: ${mebibytes(file.size)}; the limit is ${mebibytes(most)}`);
  canvas.say(IMPORTING + file.name, PATIENCE);
  const bytes = new Uint8Array(await file.arrayBuffer());
  canvas.importing.hasSettings = !open && settingsIn(bytes) !== null;
  canvas.trigger("upload", { name: file.name, data: encode(bytes), open });
}
