// Sends the visitor's painting to Python, and shows what Python sends: pictures, palettes, and frames of a drawing in
// progress (value.js has the format).

import { PICTURE } from "./colours.js";
import { IMPORTING, importFile } from "./files.js";
import { withoutEmptySelection } from "./picture.js";
import { pieceOf } from "./selection.js";
import { pictureOf, valueOf } from "./value.js";

const PREVIEW_TIMEOUT = 15000;    // milliseconds without a frame that end a drawing

// The value of the selected pixels in their box, or null.
function selectedValue(canvas) {
  const picture = canvas.picture && withoutEmptySelection(canvas.picture);
  if (!picture?.selection) return null;
  const { width, height, pixels } = pieceOf(picture);
  return valueOf({ width, height, pixels, mask: new Uint8Array(width * height) });
}

export class Exchange {
  beforePreview = null;    // the picture before the drawing in progress; undo returns to it
  // Number of the last press of a drawing button. It starts at the page's clock, so a canvas that gradio re-creates
  // repeats no number.
  ticket = Math.round(performance.now());
  left = 0;                // output of drawings up to this ticket is dropped

  constructor(canvas) {
    this.canvas = canvas;
  }

  // The tickets that the page's events send; see session.py.
  drawings() {
    return {
      press: () => (this.ticket += 1),
      latest: () => this.ticket,
      selected: () => selectedValue(this.canvas),
      open: (file) => importFile(this.canvas, file, true),
      leave: () => { this.left = this.ticket; this.#backToPainting(); return this.ticket; },
    };
  }

  publish() {
    const { canvas } = this, painting = this.beforePreview || canvas.picture;
    if (!painting) return;
    canvas.props.value = { ...valueOf(painting), window: canvas.modelWindow.placeFor(painting) };
    if (canvas.swatches.source === PICTURE) canvas.swatches.refresh();
    if (!canvas.isBusy) canvas.keeper.keepWork();
  }

  receive(value) {
    const { canvas } = this, { view, strokes } = canvas;
    if (!value) return;
    if (canvas.$(".message").textContent.startsWith(IMPORTING)) canvas.say("");
    if (value.own) {
      canvas.swatches.add(value.own);
      return this.publish();
    }
    if (value.ticket && value.ticket <= this.left) return this.publish();
    if (value.imported) {
      strokes.end();
      this.publish();
      return canvas.importing.offer(value.imported);
    }
    if (value.palette) {
      canvas.swatches.setPalette(value.palette);
      canvas.newSize = [value.width, value.height];
      const largest = value.largest || canvas.newSize, longest = canvas.limits.document;
      canvas.modelWindow.model = { size: canvas.newSize, largest, longest };
    }
    if (!value.pixels) return this.#backToPainting();
    if ("window" in value) canvas.modelWindow.placed = value.window && [...value.window].reverse();
    if (!value.palette && view.maskFilled) view.setMaskFilled(false);
    strokes.end();
    canvas.recolour.cancel();
    canvas.floating.putDown();
    const before = canvas.picture;
    canvas.picture = pictureOf(value, canvas.picture);
    if (value.preview) this.#preview(before);
    else if (canvas.isBusy) this.#endPreview();
    else if (before) canvas.addStep(before);
    else this.publish();
    view.show(before);
  }

  #preview(before) {
    this.beforePreview ??= before;
    clearTimeout(this.previewTimer);
    this.previewTimer = setTimeout(() => this.#endPreview(), PREVIEW_TIMEOUT);
    this.publish();
  }

  #endPreview() {
    const before = this.beforePreview;
    clearTimeout(this.previewTimer);
    this.beforePreview = null;
    this.canvas.addStep(before);
    this.canvas.view.refresh();
  }

  #backToPainting() {
    const { canvas } = this, frame = canvas.picture;
    if (!frame) return;
    clearTimeout(this.previewTimer);
    canvas.picture = this.beforePreview || frame;
    this.beforePreview = null;
    this.publish();
    canvas.view.show(frame);
  }
}
