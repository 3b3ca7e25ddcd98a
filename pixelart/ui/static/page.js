// Behaviour of the whole page. gradio runs this function once, after the page has loaded.
() => {
  // Closes a list when Tab leaves it; gradio closes it only on a click elsewhere or Escape.
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    if (target.getAttribute?.("role") !== "combobox" || !relatedTarget || relatedTarget.closest(".options")) return;
    setTimeout(() => {
      const isOpen = target.getAttribute("aria-expanded") === "true" && document.activeElement !== target;
      if (isOpen) target.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", code: "Escape", bubbles: true }));
    });
  });

  // Shows results enlarged or reduced by a whole factor, so that all pixels have the same width. The chequer behind
  // them has squares of whole pixels.
  const CHEQUER = 6;
  const shown = new ResizeObserver((entries) => entries.forEach(({ target }) => target.querySelectorAll("img").forEach(fit)));
  function fit(image) {
    const room = (image.closest(".thumbnail-item")?.clientWidth || 0) - 12, side = Math.max(image.naturalWidth, image.naturalHeight);
    if (!side || room < 1) return;
    const times = side <= room ? Math.floor(room / side) : 1 / Math.ceil(side / room);
    const set = (name, value) => image.style.setProperty(name, value, "important");
    set("width", image.naturalWidth * times + "px");
    set("height", image.naturalHeight * times + "px");
    const square = 2 * (times < 1 ? CHEQUER : Math.max(1, Math.round(CHEQUER / times)) * times) + "px";
    set("background-size", square + " " + square);
  }
  document.addEventListener("load", ({ target }) => {
    const results = target.closest?.("#results");
    if (!results || target.tagName !== "IMG") return;
    fit(target);
    shown.observe(results);
  }, true);
}
