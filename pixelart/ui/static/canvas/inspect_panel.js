// Shows the answers of Inspect: the map over the picture, and the panel below it.

import { indexOf } from "./picture.js";
import { chanceText, classesText, pixelText, spokenText, totalText } from "./inspect_words.js";
import { percent } from "./words.js";

const HINT = "Given all other pixels. ", BY_TOUCH = "Tap again to paint the first.", BY_MOUSE = "Click to paint the first; keys 1 to 5 paint any.";
const NO_SPOT = "Point at a pixel, tap it, or move to it with the arrow keys.";

const isCurrent = ({ page, map }) => Boolean(page?.map && page.map === map);

export function showInspect(inspect) {
  const { canvas } = inspect, on = inspect.isOn && Boolean(canvas.picture);
  canvas.$(".inspect").hidden = !on;
  showHeat(inspect, on);
  if (!on) return;
  showSummary(inspect);
  showChances(inspect);
}

function showHeat(inspect, on) {
  const { canvas, map, ramp } = inspect, { heatLayer } = canvas.view, { width, height } = canvas.picture || {};
  heatLayer.hidden = !on || canvas.isBusy || map?.bits?.length !== width * height;
  canvas.$(".canvas").classList.toggle("mapped", !heatLayer.hidden);
  canvas.$(".canvas").classList.toggle("stale", !isCurrent(inspect));
  if (heatLayer.hidden) return;
  Object.assign(heatLayer, { width, height });
  const image = new ImageData(width, height);
  map.bits.forEach((bits, i) => {
    const share = Math.min(1, Math.max(0, bits / (map.most || 1))); // bits are rounded and may exceed the maximum
    image.data.set([...ramp[Math.round(share * (ramp.length - 1))], 255], i * 4);
  });
  heatLayer.getContext("2d").putImageData(image, 0, 0);
}

function stateOfMap(inspect) {
  const { canvas, page, map, isModelBusy } = inspect;
  if (canvas.isBusy || isModelBusy) return "Waiting: the model is drawing.";
  if (page?.map?.error) return page.map.error;
  return isCurrent(inspect) ? "" : map?.bits ? "Updating: the map shows the previous picture." : "Looking at the picture.";
}

function showSummary(inspect) {
  const { canvas, map } = inspect, state = stateOfMap(inspect), isKnown = Boolean(map?.bits) && !state;
  canvas.$(".most").textContent = map?.bits ? `surprising (${map.most.toFixed(1)})` : "surprising";
  canvas.$(".map-state").textContent = state;
  canvas.$(".total").textContent = isKnown ? totalText(map) : "";
  canvas.$(".classes").textContent = isKnown ? classesText(map.classes) : "";
}

// Until the answer arrives, the colours of the previous pixel stay, dimmed.
function showChances(inspect) {
  const { canvas, spot } = inspect, answer = inspect.answerOfSpot;
  inspect.shownLikely = answer ? answer.likely || [] : spot ? inspect.shownLikely : [];
  const surprise = spot && isCurrent(inspect) ? inspect.map.bits?.[indexOf(canvas.picture, spot)] : undefined;
  canvas.$(".likely").classList.toggle("pending", !answer);
  canvas.$(".hint").textContent = answer?.likely ? HINT + (matchMedia("(pointer: coarse)").matches ? BY_TOUCH : BY_MOUSE) : "";
  canvas.$(".pixel").textContent = spot ? pixelText(spot, surprise, answer) : NO_SPOT;
  canvas.$$("[data-rank]").forEach((button, rank) => showChance(button, inspect.shownLikely[rank], answer));
  if (canvas.cursor && answer) canvas.$(".spoken").textContent = spokenText(spot, surprise, answer);
}

function showChance(button, chance, answer) {
  const isThere = Boolean(chance && answer?.current) && chance.colour === answer.current.colour;
  button.disabled = !chance || !answer;
  button.classList.toggle("none", !chance);
  button.classList.toggle("there", isThere);
  button.querySelector("i").style.background = chance?.colour ? "#" + chance.colour : "";
  button.querySelector("span").textContent = chance ? percent(chance.probability) : "";
  button.title = chanceText(chance, isThere);
  button.setAttribute("aria-label", button.title);
}

export function listenToPanel(canvas) {
  const { inspect } = canvas, colours = inspect.ramp.filter((_, i) => i % 15 === 0).map((c) => `rgb(${c})`);
  canvas.$(".ramp").style.background = `linear-gradient(90deg, ${colours.join()})`;
  canvas.$(".strength").addEventListener("input", ({ target }) => {
    canvas.$(".canvas").style.setProperty("--strength", target.value / 100);
  });
  canvas.$(".likely").addEventListener("click", ({ target }) => {
    const button = target.closest("[data-rank]");
    if (button && canvas.picture) inspect.paintLikely(Number(button.dataset.rank));
  });
}
