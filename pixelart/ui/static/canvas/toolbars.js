// The buttons of the tools and commands. A toolbar is one Tab stop; arrow keys move between its buttons, and Home and
// End go to the ends.

import { buttonOf, keysOf } from "./buttons.js";
import { menuOf } from "./menus.js";
import { groupsOf } from "./tools.js";
import { keyName } from "./words.js";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export function makeToolbars(canvas) {
  canvas.$(".tools").replaceChildren(...groupsOf(canvas.tools).map((group) => groupFor(group, canvas)));
  for (const command of canvas.commands) {
    if (command.menu) menuOf(canvas, command.menu).append(menuButton(command));
    const button = commandButton(canvas, command.name), shown = fill(button, command, canvas);
    if (command.menu) button.append(...textsOf(shown.label, keysOf(command)[0]));
    if ("pressed" in command) setPressed(button, command.pressed);
  }
  for (const bar of canvas.$$('[role="toolbar"]')) makeToolbar(bar);
}

export function listenToButtons(canvas) {
  canvas.element.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button || !canvas.picture) return;
    if (button.dataset.tool) canvas.press(button.dataset.tool);
    if (button.dataset.do) canvas.commands.find(({ name }) => name === button.dataset.do).run(canvas);
  });
  canvas.$(".brush .size").addEventListener("input", ({ target }) => canvas.setBrushSize(Number(target.value)));
}

export const commandButton = (canvas, name) => canvas.$(`[data-do="${name}"]`);

export function setPressed(button, on) {
  button.classList.toggle("on", on);
  button.setAttribute("aria-pressed", on);
}

export function showChosenTool(canvas) {
  for (const button of canvas.$$("[data-tool]")) setPressed(button, button.dataset.tool === canvas.tool.name);
}

function menuButton({ name }) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  button.dataset.do = name;
  return button;
}

// What a button of a menu says beside its icon.
function textsOf(label, key) {
  return [["span", label], ["kbd", keyName(key)]].map(([tag, textContent]) => Object.assign(document.createElement(tag), { textContent }));
}

function groupFor(tools, canvas) {
  const group = document.createElement("div");
  group.className = "group";
  for (const tool of tools) {
    const button = document.createElement("button"), caption = document.createElement("span");
    button.type = "button";
    button.dataset.tool = tool.name;
    caption.textContent = fill(button, tool, canvas).caption;
    button.append(caption);
    group.append(button);
  }
  return group;
}

// Safe for innerHTML: icons come from the tables, never from a visitor.
function fill(button, entry, { limits }) {
  const shown = buttonOf(entry, limits);
  button.title = shown.title;
  button.setAttribute("aria-label", shown.label);
  button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true">${shown.icon}</svg>`;
  return shown;
}

const STOPS = "button, select";
const buttonsOf = (bar) => [...bar.querySelectorAll(STOPS)].filter((button) => !button.disabled && !button.closest("[hidden]"));

// Sets the button that Tab reaches: the last focused one, else the chosen tool, else the first. Also called when a
// toolbar got other buttons.
export function setStop(bar, wanted) {
  const all = buttonsOf(bar), stop = all.includes(wanted) ? wanted : bar.querySelector("[data-tool].on") || all[0];
  for (const button of bar.querySelectorAll(STOPS)) button.tabIndex = button === stop ? 0 : -1;
}

export function makeToolbar(bar) {
  setStop(bar);
  bar.addEventListener("focusin", ({ target }) => { if (target.matches(STOPS)) setStop(bar, target); });
  bar.addEventListener("keydown", (event) => {
    const all = buttonsOf(bar), at = all.indexOf(event.target), step = STEPS[event.key];
    if (event.target.tagName === "SELECT" && event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    if (at < 0 || (!step && event.key !== "Home" && event.key !== "End")) return;
    event.preventDefault();
    event.stopPropagation();
    (event.key === "Home" ? all[0] : event.key === "End" ? all.at(-1) : all[(at + step + all.length) % all.length]).focus();
  });
}
