// The strip of examples: a click puts one on the canvas.

import { makeToolbar } from "./canvas/toolbars.js";

export function start({ element, trigger }) {
  makeToolbar(element);
  element.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-number]");
    if (button) trigger("select", { number: Number(button.dataset.number) });
  });
}
