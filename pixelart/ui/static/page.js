// Behaviour of the whole page.

const MARGIN = 6;     // between a result and its frame, in CSS pixels; also in studio.css
const CHEQUER = 6;    // approximate side of a chequer square in CSS pixels; squares have whole pixels of the picture

export function start() {
  document.addEventListener("focusout", closeList);
  const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => target.querySelectorAll("img").forEach(fit)));
  const show = (image) => {
    const results = image.closest?.("#results");
    if (!results || image.tagName !== "IMG") return;
    fit(image);
    sizes.observe(results);
  };
  document.addEventListener("load", ({ target }) => show(target), true);
  document.querySelectorAll("#results img").forEach(show);    // those from before this script
}

// Closes a list when Tab leaves it; gradio closes it only on a click elsewhere or Escape.
function closeList({ target, relatedTarget }) {
  if (target.getAttribute?.("role") !== "combobox" || !relatedTarget || relatedTarget.closest(".options")) return;
  setTimeout(() => {
    const isOpen = target.getAttribute("aria-expanded") === "true" && document.activeElement !== target;
    if (isOpen) target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", code: "Escape", bubbles: true }));
  });
}

// The factor by which a result is enlarged: n or 1/n, so that all its pixels have the same width.
export function timesThatFit(side, room) {
  return side <= room ? Math.floor(room / side) : 1 / Math.ceil(side / room);
}

// The chequer behind a result has squares of whole pixels.
function fit(image) {
  const room = (image.closest(".thumbnail-item")?.clientWidth || 0) - 2 * MARGIN, side = Math.max(image.naturalWidth, image.naturalHeight);
  if (!side || room < 1) return;
  const times = timesThatFit(side, room), set = (name, value) => image.style.setProperty(name, value, "important");
  set("width", image.naturalWidth * times + "px");
  set("height", image.naturalHeight * times + "px");
  set("margin", (room + 2 * MARGIN - image.naturalHeight * times) / 2 + "px auto");    // so that the caption stays in its place
  const square = 2 * (times < 1 ? CHEQUER : Math.max(1, Math.round(CHEQUER / times)) * times) + "px";
  set("background-size", square + " " + square);
}
