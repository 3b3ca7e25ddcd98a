// The strip of examples: a click puts one on the canvas.

export function start({ element, trigger }) {
  element.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-number]");
    if (button) trigger("select", { number: Number(button.dataset.number) });
  });
}
