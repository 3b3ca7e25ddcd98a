// Inspect: shows a map of how surprising each pixel is, and the most probable colours of one pixel. Python answers one
// question at a time ({number, pixel, ...}; see create/inspect.py). Answers are cached by the picture's bytes, so that
// undo and redo need not ask again.

const MAP_PAUSE = 300, PIXEL_PAUSE = 40, DRAWING_PAUSE = 500, PATIENCE = 30000;    // milliseconds
const KEPT = 32;
const NO_ANSWER = "No answer from the model. Press Inspect twice to ask again.";
const HINT = "Given all other pixels. " +
  (matchMedia("(pointer: coarse)").matches ? "Tap again to paint the first." : "A click paints the first, 1 to 5 any.");
const likelyButtons = $$("[data-rank]");
let told = new Map();        // bytes of a picture -> {map: answer or null, colours: Map of pixel index -> answer}
let page = null;             // of `told`, what is known of the picture that is shown
let map = null;              // the newest map; stale where it is not page.map
let spot = null;             // [x, y] of the pixel that is told about
let pressed = null;          // {at, again: it was told about before}: painted when the pointer is released there
let toPaint = null;          // {page, index, rank}: painted as soon as the answer is there
let asked = null;            // {number, page, index or null for the map}
let questions = 0, toolBefore = "pencil", drawingElsewhere = false;
let shownLikely = [], askTimer = 0, patienceTimer = 0, mapDue = 0;

const isInspecting = () => tool === "inspect";
const indexOf = ([x, y]) => y * doc.width + x;
const sameCell = (a, b) => a && b && a[0] === b[0] && a[1] === b[1];

// The same tool again turns Inspect off.
function chooseTool(name) {
  setTool(name === "inspect" && isInspecting() ? toolBefore : name);
}

function enterInspect(before) {
  if (before !== "inspect") toolBefore = before;
  forget();
  lookAt(cursor || hover);
}

function forget() {
  told = new Map();
  page = map = null;
  shownLikely = [];
  look();
}

// The picture may be another one now.
function look() {
  const key = doc && isInspecting() && !isBusy() ? doc.width + " " + encode(doc.pixels) : null;
  const before = page;
  page = key ? told.get(key) || { map: null, colours: new Map() } : null;
  if (page) {
    told.delete(key);
    told.set(key, page);
    if (told.size > KEPT) told.delete(told.keys().next().value);
  }
  if (page !== before) {
    pressed = null;
    mapDue = performance.now() + (map ? MAP_PAUSE : 0);
  }
  map = page?.map || map;
  if (spot && doc && !isInside(...spot)) spot = null;
  ask();
  show();
}

function lookAt(at) {
  if (pressed && !sameCell(pressed.at, at)) pressed = null;
  if (!isInspecting() || !at || !isInside(...at) || sameCell(at, spot)) return;
  spot = at;
  toPaint = null;
  ask(PIXEL_PAUSE);
  show();
}

// Asks for what is missing: first the pixel, then the map once the picture has not changed for a while.
function nextQuestion() {
  if (!page || !stage.clientWidth) return null;
  const index = spot && indexOf(spot), now = performance.now();
  if (spot && !page.colours.has(index)) return { page, index, pixel: spot, wait: 0 };
  return page.map ? null : { page, index: null, pixel: null, wait: Math.max(0, mapDue - now) };
}

function ask(pause = 0) {
  clearTimeout(askTimer);
  const next = nextQuestion();
  if (asked || !next) return;
  if (pause || next.wait) { askTimer = setTimeout(ask, pause || next.wait); return; }
  asked = { number: questions += 1, page: next.page, index: next.index };
  patienceTimer = setTimeout(failInspect, PATIENCE);
  const { width, height, pixels } = doc;
  trigger("select", { number: asked.number, width, height, pixels: encode(pixels), pixel: next.pixel });
}

function receiveAnswer(answer) {
  if (answer.number !== asked?.number) return;
  const { page: of, index } = asked;
  clearTimeout(patienceTimer);
  asked = null;
  drawingElsewhere = Boolean(answer.waits);
  if (drawingElsewhere) toPaint = null;
  if (!drawingElsewhere && index !== null) of.colours.set(index, answer);
  else if (!drawingElsewhere) of.map = answer;
  map = page?.map || map;
  show();
  if (toPaint?.page === of && toPaint.index === index) paintLikely(toPaint.rank);
  ask(drawingElsewhere ? DRAWING_PAUSE : 0);
}

const failInspect = () => { if (asked) receiveAnswer({ number: asked.number, error: NO_ANSWER }); };
window.inspection = { answer: receiveAnswer, fail: failInspect, forget };

// A press on the shown pixel paints it; a press on another one (by touch) shows that one first.
function pressInspected(at) {
  pressed = { at, again: sameCell(at, spot) };
  lookAt(at);
}

function releaseInspected() {
  if (pressed?.again) paintLikely(0);
  pressed = null;
}

function paintLikely(rank) {
  toPaint = null;
  if (isBusy()) return say(BUSY);
  if (!spot || !page) return;
  const index = indexOf(spot), answer = page.colours.get(index);
  if (!answer) { toPaint = { page, index, rank }; return; }
  if (answer.error) return say(answer.error);
  const chance = answer.likely[rank];
  if (!chance) return;
  if (chance.colour === answer.current.colour) return say((rank ? "It has this colour" : "It has the most probable colour") + " already.");
  edit(() => doc.pixels.set(chance.colour ? colourOf(chance.colour) : [0, 0, 0, 0], index * 4));
  page.colours.set(index, { ...answer, current: chance });  // what lies around the pixel has not changed
  ask();
  show();
}

const percent = (p) => (p < 0.001 ? "<0.1" : p < 0.0995 ? (p * 100).toFixed(1) : (p * 100).toFixed(0)) + " %";
const nameOf = (hex) => (hex ? "#" + hex : "transparent");
const isCurrent = () => Boolean(page?.map && page.map === map);

function show() {
  const on = isInspecting() && Boolean(doc);
  $(".inspect").hidden = !on;
  showHeat(on);
  if (!on) return;
  showSummary();
  showChances();
}

function showHeat(on) {
  heat.hidden = !on || isBusy() || map?.bits?.length !== doc.width * doc.height;
  $(".canvas").classList.toggle("mapped", !heat.hidden);
  $(".canvas").classList.toggle("stale", !isCurrent());
  if (heat.hidden) return;
  Object.assign(heat, { width: doc.width, height: doc.height });
  const picture = new ImageData(doc.width, doc.height);
  map.bits.forEach((bits, i) => {
    const share = Math.min(1, Math.max(0, bits / (map.most || 1))); // bits are rounded and may pass the most
    picture.data.set([...RAMP[Math.round(share * (RAMP.length - 1))], 255], i * 4);
  });
  heat.getContext("2d").putImageData(picture, 0, 0);
}

function stateOfMap() {
  if (isBusy() || drawingElsewhere) return "The model is drawing. Inspect waits.";
  if (page?.map?.error) return page.map.error;
  return isCurrent() ? "" : map?.bits ? "Updating: the map shows the picture before." : "Looking at the picture.";
}

function showSummary() {
  const state = stateOfMap(), bits = map?.bits;
  $(".most").textContent = bits ? "surprising (" + map.most.toFixed(1) + ")" : "surprising";
  $(".map-state").textContent = state;
  $(".total").textContent = bits && !state ? `Surprise of the picture: ${map.total.toFixed(0)}` + (map.given ? ` as ${map.given}` : "") : "";
  const classes = bits && !state && map.classes.length > 1 ? map.classes : [];
  $(".classes").textContent = (classes.length ? "Class: " : "") + classes.map(([name, p]) => name + " " + percent(p)).join(" · ");
}

// While an answer is on its way, the colours of the pixel before stay, dimmed.
function showChances() {
  const answer = spot && page?.colours.get(indexOf(spot));
  const likely = answer ? answer.likely || [] : spot ? shownLikely : [];
  shownLikely = likely;
  $(".likely").classList.toggle("pending", !answer);
  $(".hint").textContent = answer?.likely ? HINT : "";
  $(".pixel").textContent = spot ? pixelText(answer) : "Point at a pixel, tap it, or go there with the arrow keys.";
  likelyButtons.forEach((button, rank) => showChance(button, likely[rank], answer));
  if (cursor && answer) $(".spoken").textContent = spokenChances(answer);
}

function pixelText(answer) {
  const where = spot.join(", "), bits = isCurrent() && map.bits ? ` · surprise ${map.bits[indexOf(spot)].toFixed(2)}` : "";
  if (answer?.error) return `${where}${bits} · ${answer.error}`;
  if (!answer) return `${where}${bits} · …`;
  const rest = answer.exact ? "" : ` · about: others may have up to ${percent(answer.bound)}`;
  return `${where}${bits} · now ${nameOf(answer.current.colour)} ${percent(answer.current.probability)}${rest}`;
}

function showChance(button, chance, answer) {
  const isThere = Boolean(chance && answer?.current) && chance.colour === answer.current.colour;
  button.disabled = !chance || !answer;
  button.classList.toggle("none", !chance);
  button.classList.toggle("there", isThere);
  button.querySelector("i").style.background = chance?.colour ? "#" + chance.colour : "";
  button.querySelector("span").textContent = chance ? percent(chance.probability) : "";
  const name = chance ? `Paint ${nameOf(chance.colour)}, ${percent(chance.probability)}` : "";
  button.title = name + (isThere ? " (it has this colour)" : "");
  button.setAttribute("aria-label", button.title);
}

function spokenChances({ error, likely = [], current, exact }) {
  if (error) return spot.join(", ") + ". " + error;
  const bits = isCurrent() && map.bits ? `, surprise ${map.bits[indexOf(spot)].toFixed(1)}` : "";
  const list = likely.map((c) => `${nameOf(c.colour)} ${percent(c.probability)}`).join(", ");
  return `${spot.join(", ")}${bits}, ${nameOf(current.colour)}. Most probable${exact ? "" : ", about"}: ${list}`;
}

$(".strength").addEventListener("input", (event) => { $(".canvas").style.setProperty("--strength", event.target.value / 100); });
$(".ramp").style.background = `linear-gradient(90deg, ${RAMP.filter((_, i) => i % 15 === 0).map((c) => `rgb(${c})`).join()})`;
