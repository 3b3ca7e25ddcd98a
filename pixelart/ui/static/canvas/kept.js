// The work of a canvas that the browser stores: {now, undo, redo, tools}. It is checked, because another version or a
// hostile script may have written it.

import { MODEL, isColour } from "./colours.js";
import { UNDO_LIMIT, newestOf } from "./history.js";
import { isPalette } from "./palettes.js";
import { bytesOf, isPicture, withoutEmptySelection } from "./picture.js";
import { STEPS, WILD } from "./temperature.js";
import { isCorner } from "./window.js";

export const KEPT_BYTES = 8 * 2 ** 20;
export const SWITCHES = ["mirror", "mirrorY", "filled"];    // of the brush

// The picture, and the newest steps that fit.
export function keptWork(now, { undoSteps, redoSteps }, tools) {
  const [undo, room] = newestOf(undoSteps, KEPT_BYTES - bytesOf(now)), [redo] = newestOf(redoSteps, room);
  return { now, undo, redo, tools };
}

// The usable parts of stored work: {now, undo, redo, tools}, or null without a picture.
export function checkedWork(value, mostSide, toolNames) {
  if (!isPicture(value?.now, mostSide)) return null;
  const { now, undo, redo, tools } = value, usable = [undo, redo].every((steps) => areSteps(steps, mostSide));
  const [undoSteps, redoSteps] = usable ? [undo, redo].map((steps) => steps.map(withoutEmptySelection)) : [[], []];
  const steps = { undo: undoSteps, redo: redoSteps };
  return { now: withoutEmptySelection(now), ...steps, tools: checkedTools(tools || {}, toolNames) };
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
