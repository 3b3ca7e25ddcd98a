// The work of a canvas that the browser stores: {now, undo, redo, held, tools}; `held` is the index of a history's held
// step, or -1. It is checked, because another version or a hostile script may have written it.

import { MODEL, isColour } from "./colours.js";
import { UNDO_LIMIT, newestOf } from "./history.js";
import { isPalette } from "./palettes.js";
import { bytesOf, isPicture, withoutEmptySelection } from "./picture.js";
import { STEPS, WILD } from "./temperature.js";
import { isCorner } from "./window.js";

export const KEPT_BYTES = 8 * 2 ** 20;
export const SWITCHES = ["mirror", "mirrorY", "filled"];    // of the brush

// The newest steps of a history that fit into `room` bytes, and the bytes that are left.
function keptSteps({ undoSteps, redoSteps, held }, room) {
  const [undo, left] = newestOf(undoSteps, room, held), [redo, rest] = newestOf(redoSteps, left);
  return [{ undo, redo, held: undo.indexOf(held) }, rest];
}

// The picture, and the newest steps that fit.
export function keptWork(now, history, tools) {
  const [steps] = keptSteps(history, KEPT_BYTES - bytesOf(now));
  return { now, ...steps, tools };
}

// The newest steps of several histories that fit. Each gets an equal share of what those before it left.
export function keptHistories(histories) {
  let room = KEPT_BYTES;
  return histories.map((history, i) => {
    const share = room / (histories.length - i), [steps, left] = keptSteps(history, share);
    room += left - share;
    return steps;
  });
}

// The usable parts of stored work: {now, undo, redo, held, tools}, or null without a picture.
export function checkedWork(value, mostSide, toolNames) {
  if (!isPicture(value?.now, mostSide)) return null;
  const steps = checkedSteps(value, mostSide), tools = checkedTools(value.tools || {}, toolNames);
  return { now: withoutEmptySelection(value.now), ...steps, tools };
}

// The usable steps of stored work: {undo, redo, held}.
export function checkedSteps(value, mostSide) {
  const { undo, redo, held } = value || {};
  if (![undo, redo].every((steps) => areSteps(steps, mostSide))) return { undo: [], redo: [], held: -1 };
  const usable = [undo, redo].map((steps) => steps.map(withoutEmptySelection));
  return { undo: usable[0], redo: usable[1], held: Number.isInteger(held) && held in undo ? held : -1 };
}

function areSteps(value, mostSide) {
  return Array.isArray(value) && value.length <= UNDO_LIMIT && value.every((step) => isPicture(step, mostSide));
}

function checkedTools(kept, names) {
  const sizes = names.map((name) => [name, kept.sizes?.[name]]);
  return {
    tool: names.includes(kept.tool) ? kept.tool : null,
    sizes: Object.fromEntries(sizes.filter(([, size]) => Number.isInteger(size))),
    colour: isColour(kept.colour) ? kept.colour : null,
    ...Object.fromEntries(SWITCHES.map((name) => [name, kept[name] === true])),
    showGrid: kept.showGrid === true,
    maskFilled: kept.maskFilled !== false,
    percent: STEPS.some(({ percent }) => percent === kept.percent) ? kept.percent : WILD,
    own: isPalette(kept.own) ? kept.own : [],
    source: typeof kept.source === "string" ? kept.source : MODEL,
    isSorted: kept.isSorted === true,
    placed: isCorner(kept.placed) ? kept.placed : null,
  };
}
