// The value that is shared with Python: {width, height, pixels, mask, preview, palette, ticket}. Python leaves mask
// null to keep it, palette null to keep it, and sets preview for a frame of a drawing in progress. Pixels null remove
// the frames. A palette is the chosen model's, and comes with its size. The value sent to Python is always the
// visitor's painting, never a frame.

const PREVIEW_TIMEOUT = 15000;
let previewTimer = 0, sayTimer = 0;
let ticket = 0, left = 0;    // presses of a drawing button, and how many of them the visitor has left

// What the page's events send along; session.py says what for.
window.drawings = {
  press: () => (ticket += 1),
  latest: () => ticket,
  leave: () => { left = ticket; backToPainting(); return ticket; },
};

function encode(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function publish() {
  const { width, height, pixels, mask } = beforePreview || doc;
  props.value = { width, height, pixels: encode(pixels), mask: encode(mask), preview: false, palette: null, ticket: null };
  if (!isBusy()) keepWork();
}

function say(text, time = 4000) {
  $(".message").textContent = text;
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => { $(".message").textContent = ""; }, time);
}

function documentOf(value) {
  const next = emptyDocument(value.width, value.height);
  next.pixels.set(decode(value.pixels));
  if (value.mask) next.mask.set(decode(value.mask));
  else if (doc && doc.width === next.width && doc.height === next.height) next.mask.set(doc.mask);
  return next;
}

function endPreview() {
  const before = beforePreview;
  clearTimeout(previewTimer);
  beforePreview = null;
  addStep(before);
  refresh();
}

function backToPainting() {
  if (!doc) return;
  const frame = doc;
  clearTimeout(previewTimer);
  doc = beforePreview || doc;
  beforePreview = null;
  publish();
  resetViewIfResized(frame);
  refresh();
}

function receive() {
  const value = props.value;
  if (!value) return;
  if ($(".message").textContent.startsWith("Importing ")) say("");
  if (value.ticket && value.ticket <= left) return publish();
  if (value.palette) {
    setPalette(value.palette);
    newSize = [value.width, value.height];
  }
  if (!value.pixels) return backToPainting();
  if (!value.palette && maskFilled) setMaskFilled(false);
  const before = doc;
  if (stroke) endStroke();
  doc = documentOf(value);
  if (value.preview) {
    beforePreview ??= before;
    clearTimeout(previewTimer);
    previewTimer = setTimeout(endPreview, PREVIEW_TIMEOUT);
    publish();
  } else if (isBusy()) endPreview();
  else if (before) addStep(before);
  else publish();
  resetViewIfResized(before);
  refresh();
}

setTool(tool);
setPalette([]);
watch("value", receive);
receive();
putBackWork();
new ResizeObserver(() => {
  if (!doc || !stage.clientWidth) return;
  if (view.fitted || !view.cell) fit();
  else place();
}).observe(stage);
