// The value is {colours: ["", "rrggbb", ...], allowed: [true, ...]}; the empty text is transparent.

const swatches = element.querySelector(".swatches");
let shown = null;                    // the colours that have swatches now
let drag = null, dragged = false;    // {index, on}: where a drag began and what it sets

function show() {
  const { colours = [], allowed = [] } = props.value || {};
  if (JSON.stringify(colours) !== shown) swatches.replaceChildren(...colours.map(swatchFor));
  shown = JSON.stringify(colours);
  allowed.forEach((on, i) => swatches.children[i].setAttribute("aria-pressed", on));
  element.querySelector(".head").hidden = !colours.length;
  element.querySelector(".count").textContent = allowed.filter(Boolean).length + " of " + colours.length;
}

function swatchFor(hex, index) {
  const swatch = document.createElement("button");
  swatch.type = "button";
  swatch.className = hex ? "swatch" : "swatch clear";
  if (hex) swatch.style.background = "#" + hex;
  swatch.dataset.index = index;
  swatch.title = hex ? "#" + hex : "Transparent";
  swatch.setAttribute("aria-label", hex ? "Colour #" + hex : "Transparent");
  return swatch;
}

function set(change) {
  props.value = { colours: props.value.colours, allowed: props.value.allowed.map(change) };
  show();
  trigger("input");
}

function indexUnder(event) {
  const under = document.elementFromPoint(event.clientX, event.clientY)?.closest?.("[data-index]");
  return under && swatches.contains(under) ? +under.dataset.index : null;
}

// A click turns a colour on or off; a drag of the mouse does the same to all that it crosses. A finger scrolls.
swatches.addEventListener("pointerdown", (event) => {
  const index = indexUnder(event);
  dragged = false;
  drag = event.pointerType === "mouse" && index !== null ? { index, on: !props.value.allowed[index] } : null;
});
swatches.addEventListener("pointermove", (event) => {
  const index = indexUnder(event);
  if (!drag || !event.buttons || index === null || (index === drag.index && !dragged)) return;
  dragged = true;
  set((v, i) => (i === index || i === drag.index ? drag.on : v));
});
addEventListener("pointerup", () => { drag = null; });
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button && "load" in button.dataset) element.querySelector(".file").click();
  else if (button?.dataset.set) set(() => button.dataset.set === "all");
  else if (button && (!dragged || event.detail === 0)) set((v, i) => (i === +button.dataset.index ? !v : v));
});

element.querySelector(".file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  const start = new Uint8Array(await file.slice(0, MOST_BYTES + 1).arrayBuffer());
  event.target.value = "";
  trigger("upload", { name: file.name, data: btoa(Array.from(start, (byte) => String.fromCharCode(byte)).join("")) });  // Python says what is too large
});

watch("value", show);
show();
