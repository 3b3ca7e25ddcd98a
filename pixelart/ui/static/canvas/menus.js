// The menus of the bar: each opens below its button, and closes on a choice, on Escape or on a press elsewhere.

const GAP = 4;    // CSS pixels

export const menuOf = (canvas, name) => canvas.$(`.menu[data-name="${name}"]`);

export function listenToMenus(canvas) {
  for (const opener of canvas.$$("[data-menu]")) {
    const menu = menuOf(canvas, opener.dataset.menu);
    opener.popoverTargetElement = menu;
    menu.addEventListener("toggle", ({ newState }) => {
      opener.setAttribute("aria-expanded", newState === "open");
      if (newState === "open") place(menu, opener);
    });
    menu.addEventListener("click", ({ target }) => {
      if (!target.closest("button")) return;
      menu.hidePopover();
      if (!canvas.$("dialog[open]")) canvas.focusByPointer();
    });
  }
}

// Puts a popover below its opener; above it if only there it is in sight as a whole.
export function place(menu, opener) {
  const { left, top, bottom } = opener.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.documentElement;
  const { offsetWidth: width, offsetHeight: height } = menu, below = bottom + GAP, above = top - GAP - height;
  const x = Math.max(GAP, Math.min(left, clientWidth - width - GAP));
  const y = below + height > clientHeight && above >= 0 ? above : below;
  Object.assign(menu.style, { left: x + scrollX + "px", top: y + scrollY + "px" });
  menu.querySelector("button:not(:disabled)")?.focus({ preventScroll: true });
}
