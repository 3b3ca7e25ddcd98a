// The value is {colours: ["", "rrggbb", ...], allowed: [true, ...]}; the empty text is transparent.

const swatches = element.querySelector(".swatches");
let dragging = null;

function show() {
  const { colours = [], allowed = [] } = props.value || {};
  swatches.replaceChildren(...colours.map((hex, i) => swatchFor(hex, allowed[i], i)));
  element.querySelector(".head").hidden = !colours.length;
  element.querySelector(".count").textContent = allowed.filter(Boolean).length + " of " + colours.length;
}

function swatchFor(hex, on, index) {
  const swatch = document.createElement("button");
  swatch.type = "button";
  swatch.className = hex ? "swatch" : "swatch clear";
  if (hex) swatch.style.background = "#" + hex;
  swatch.dataset.index = index;
  swatch.title = hex ? "#" + hex : "Transparent";
  swatch.setAttribute("aria-label", hex ? "Colour #" + hex : "Transparent");
  swatch.setAttribute("aria-pressed", Boolean(on));
  return swatch;
}

function set(change) {
  props.value = { colours: props.value.colours, allowed: props.value.allowed.map(change) };
  show();
}

function swipe(event) {
  const under = document.elementFromPoint(event.clientX, event.clientY)?.closest?.("[data-index]");
  if (!under || !swatches.contains(under)) return;
  const index = +under.dataset.index;
  if (props.value.allowed[index] !== dragging) set((v, i) => (i === index ? dragging : v));
}

// A press turns a colour on or off, and a drag does the same to all that it crosses.
swatches.addEventListener("pointerdown", (event) => {
  const under = event.target.closest("[data-index]");
  if (!under) return;
  dragging = !props.value.allowed[+under.dataset.index];
  swipe(event);
});
swatches.addEventListener("pointermove", (event) => { if (dragging !== null && event.buttons) swipe(event); });
addEventListener("pointerup", () => { dragging = null; });
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.set) set(() => button.dataset.set === "all");
  else if (button && event.detail === 0) set((v, i) => (i === +button.dataset.index ? !v : v));  // from the keyboard
});
watch("value", show);
show();
