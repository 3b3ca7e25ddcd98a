// What the results do with the canvas: show one in place, put one there, make a mask of one.

import { maskVisible } from "./mask.js";
import { emptyPicture, sameSize } from "./picture.js";
import { putAt } from "./view.js";
import { cellThatFits, onDevice } from "./viewport.js";

export class Showing {
  #isShowing = false;

  constructor(canvas) {
    this.canvas = canvas;
  }

  // Whether the chosen tool uses the digit keys, or the canvas is not there.
  get needsDigits() {
    const { inspect, tool, isShown } = this.canvas;
    return inspect.isOn || tool.name === "temperature" || !isShown;
  }

  // Shows an <img> in the picture's place. The picture itself does not change, so `hide` brings it back.
  show(image) {
    const { canvas } = this, layer = canvas.view.pictureLayer, { naturalWidth: width, naturalHeight: height } = image;
    if (!canvas.canEdit || !width) return;
    Object.assign(layer, { width, height });
    layer.getContext("2d").drawImage(image, 0, 0);
    this.#place(layer);
    this.#mark(true);
  }

  // A result of another size is shown as large as it fits into the picture's place, with square pixels.
  #place(layer) {
    const { view, picture } = this.canvas, { position: { cell, x, y }, ratio } = view;
    const room = [picture.width * cell, picture.height * cell], times = cellThatFits(layer, room, ratio);
    const [width, height] = [layer.width * times, layer.height * times];
    const [left, top] = [x + (room[0] - width) / 2, y + (room[1] - height) / 2].map((start) => onDevice(start, ratio));
    putAt(layer, left, top, width, height);
  }

  hide() {
    if (!this.#isShowing) return;
    this.#mark(false);
    this.canvas.view.place();
    this.canvas.view.refresh();
  }

  // Puts {width, height, pixels} on the canvas as one undo step; mask and temperature stay if they fit.
  put(result) {
    this.hide();
    this.canvas.replace((picture) => {
      const next = emptyPicture(result.width, result.height), fits = sameSize(picture, next);
      next.pixels.set(result.pixels);
      if (fits) next.mask.set(picture.mask);
      if (fits && picture.temperature) next.temperature = picture.temperature.slice();
      return next;
    });
  }

  // Masks the visible pixels of a result of the picture's size.
  mask(result) {
    const { canvas } = this;
    if (!canvas.picture || !sameSize(canvas.picture, result)) return canvas.say("The result has another size.");
    canvas.edit((picture) => maskVisible(picture, result.pixels));
  }

  say(text, time) { this.canvas.say(text, time); }

  #mark(on) {
    this.#isShowing = on;
    this.canvas.$(".canvas").classList.toggle("peeking", on);
  }
}
