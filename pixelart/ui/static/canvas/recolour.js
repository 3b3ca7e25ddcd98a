// Recolour: the picture in the nearest colours of a palette, shown on the canvas while its dialog is open. Apply is one
// undo step; Cancel changes nothing.

import { PICTURE } from "./colours.js";
import { countChanged, recoloured } from "./palettes.js";

export class Recolour {
  before = null;    // the picture before, while the dialog is open

  constructor(canvas) {
    this.canvas = canvas;
    this.dialog = canvas.$("dialog.recolour");
  }

  get isOpen() { return this.before !== null; }

  open() {
    const { canvas, dialog } = this, { source } = canvas.swatches, target = dialog.querySelector("select");
    if (!canvas.canEdit) return;
    canvas.floating.putDown();
    this.before = canvas.picture;
    target.replaceChildren(...[...canvas.$(".source").options].filter(({ value }) => value !== PICTURE && canvas.swatches.coloursOf(value).length)
      .map(({ text, value }) => new Option(text, value, value === source, value === source)));
    dialog.showModal();
    this.preview();
  }

  preview() {
    const { canvas, before, dialog } = this;
    canvas.picture = recoloured(before, canvas.swatches.coloursOf(dialog.querySelector("select").value));
    const count = countChanged(before, canvas.picture);
    dialog.querySelector("output").textContent = count === 1 ? "1 colour changes." : `${count} colours change.`;
    canvas.view.refresh();
  }

  // Python sends a picture: undo must lead back to the one before the preview.
  cancel() {
    if (!this.isOpen) return;
    this.close(false);
    this.dialog.close();
  }

  close(isApplied) {
    const { canvas, before } = this;
    if (!before) return;
    this.before = null;
    if (isApplied) canvas.addStep(before);
    else canvas.picture = before;
    canvas.view.refresh();
  }
}

export function listenToRecolour({ recolour }) {
  const { dialog } = recolour;
  dialog.addEventListener("close", () => { recolour.close(dialog.returnValue === "ok"); dialog.returnValue = ""; });
  dialog.querySelector("select").addEventListener("change", () => recolour.preview());
}
