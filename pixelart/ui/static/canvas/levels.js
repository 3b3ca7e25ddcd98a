// The steps of the temperature brush, shown over the stage while that tool is chosen.

import { STEPS, WILD, textOf } from "./temperature.js";

const ARROWS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export function listenToLevels({ levels }) {
  levels.bar.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-percent]");
    if (button) levels.choose(Number(button.dataset.percent));
  });
  levels.bar.addEventListener("keydown", (event) => {
    const all = levels.buttons, at = all.indexOf(event.target), step = ARROWS[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    const next = all[(at + step + all.length) % all.length];
    levels.choose(Number(next.dataset.percent));
    next.focus();
  });
}

export class Levels {
  constructor(canvas) {
    this.canvas = canvas;
    this.bar = canvas.$(".levels");
    this.buttons = STEPS.map(buttonFor);
    this.bar.replaceChildren(...this.buttons);
    this.choose(WILD);
  }

  // `percent`: what the brush paints.
  choose(percent) {
    this.canvas.brush.percent = percent;
    for (const button of this.buttons) {
      const isChosen = Number(button.dataset.percent) === percent;
      button.classList.toggle("on", isChosen);
      button.setAttribute("aria-checked", isChosen);
      button.tabIndex = isChosen ? 0 : -1;
    }
  }

  show(on) {
    this.bar.hidden = !on;
  }
}

function buttonFor(step, index) {
  const button = document.createElement("button"), sign = document.createElement("i");
  const title = `Temperature: ${textOf(step)} (${index + 1})`;
  Object.assign(button, { type: "button", title });
  button.dataset.percent = step.percent;
  button.setAttribute("role", "radio");
  button.setAttribute("aria-label", title);
  if (step.colour) sign.style.background = signOf(step);
  button.append(sign, `×${step.percent / 100}`);
  return button;
}

// The pattern of a step as a background of 12 x 12 pixels.
function signOf({ colour, lines }) {
  const drawn = lines.map(([x, y, toX, toY]) => `M${x} ${y}L${toX} ${toY}`).join("");
  const image = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><path fill='none' stroke='white' d='${drawn}'/></svg>`;
  return `url("data:image/svg+xml,${encodeURIComponent(image)}") 0 0 / 12px 12px, rgb(${colour})`;
}
