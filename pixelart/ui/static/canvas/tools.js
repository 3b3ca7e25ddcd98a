// The table of tools. Buttons, keys, pointers and tooltips are made from it, so a new tool is one new entry.
//
//   name, key, label, icon    the icon is SVG in a box of 16 x 16
//   caption, purpose, help    text under the icon (else the label); parts of the tooltip
//   group                     tools of one group stand together
//   cursor                    the pointer over the canvas (else a crosshair)
//   opposite                  the tool, or its name, that the right button, and Shift where `masks`, use instead
//   masks                     changes the mask or the temperature and not the pixels
//   coloured                  paints with the chosen colour, so a click on a colour keeps this tool
//   selects                   chooses pixels, which can then be moved
//   toggles                   choosing it again returns to the previous tool
//
// A press calls the first of these functions that the tool has; `brush` is {colour, percent, size, mirror, mirrorY,
// filled, tiled}:
//
//   select(picture, from, to)       which pixels it selects between press and release
//   paint(picture, index, brush)    a stroke: each pixel that the brush covers, from press to release
//   apply(picture, at, brush)       one change of the picture
//   press(canvas, at, byKey)        anything else
//
// A finger's `apply`, and its `press` of a tool without `release`, wait until it leaves.
//
// With paint, it may have shape(from, to, brush): the spans between press and release that are painted instead of the
// pointer's way; and bound(from, to): the end that Shift sets.
//
// It may also have enter(canvas), leave(canvas), point(canvas, at), release(canvas), cancel(canvas), move(canvas, dx,
// dy) for arrow keys, and onKey(canvas, key), which returns whether the tool handled the key.

import { areaOf, coloursOf } from "./brush.js";
import { CLEAR, PLAIN, colourAt, indexOf, isInside, setColour, setMask, setTemperature } from "./picture.js";
import { cellsInBox, cellsOfColour } from "./selection.js";
import { ellipseSpans, lineSpans, rectangleSpans, squareEnd, straightEnd } from "./shapes.js";
import { STEPS, paintTemperature } from "./temperature.js";

const UNPAINTED = { name: "temperature", masks: true, paint: (picture, index) => setTemperature(picture, index, PLAIN) };

const paintColour = (picture, index, { colour }) => setColour(picture, index, colour);

export const TOOLS = [
  {
    name: "pencil", key: "b", label: "Pencil", help: "hold Shift for a line", group: "paint", opposite: "eraser",
    coloured: true,
    icon: '<path d="M10.5 2.5l3 3L5.5 13.5l-3.5.5.5-3.5z"/><path d="M9 4l3 3"/>',
    paint: paintColour,
  },
  {
    name: "eraser", key: "e", label: "Eraser", help: "hold Shift for a line", group: "paint",
    icon: '<path d="M9 2.5l4.5 4.5-6 6H5L2.5 10.5z"/><path d="M5.8 5.7l4.5 4.5M7 13.5h6.5"/>',
    paint: (picture, index) => setColour(picture, index, CLEAR),
  },
  {
    name: "pick", key: "i", label: "Pick colour", caption: "Pick", group: "paint",
    icon: '<path d="M8 5l3 3-5.8 5.8-2.4.4.4-2.4z"/><path d="M7 4l5 5M9.5 6.5L12 4a1.5 1.5 0 00-2-2z"/>',
    press: (canvas, at) => canvas.pick(at),
  },
  {
    name: "fill", key: "g", label: "Fill", group: "paint", coloured: true,
    icon: '<path d="M7 3l5.5 5.5-4.8 4.8a1 1 0 01-1.4 0L2.2 9.2a1 1 0 010-1.4L7 3zM7 3L5 1M2 8.5h10.5"/>' +
      '<path d="M14 10.5c.8 1.2 1 1.8 1 2.3a1 1 0 01-2 0c0-.5.2-1.1 1-2.3z" class="solid"/>',
    apply(picture, [x, y], { colour, mirror, mirrorY }) {
      const xs = mirror ? [x, picture.width - 1 - x] : [x], ys = mirrorY ? [y, picture.height - 1 - y] : [y];
      for (const j of ys) for (const i of xs) fillArea(picture, [i, j], colour);
    },
  },
  {
    name: "replace", key: "c", label: "Replace colour", caption: "Replace", group: "paint", coloured: true,
    purpose: "every pixel of the colour that you press",
    icon: '<path d="M2 2h5v5H2z" class="solid"/><path d="M9 9h5v5H9zM10 3.500h2.500V6M6 12.500H3.500V10"/>',
    apply(picture, at, { colour }) {
      if (!isInside(picture, at)) return;
      const colours = coloursOf(picture), wanted = colours[indexOf(picture, at)];
      if (colourAt(picture, at).join() === colour.join()) return;
      colours.forEach((other, index) => { if (other === wanted) setColour(picture, index, colour); });
    },
  },
  {
    name: "line", key: "l", label: "Line", help: "hold Shift for 45 degrees", group: "shape", coloured: true,
    icon: '<path d="M2.500 13.500l11-11"/>', paint: paintColour, shape: lineSpans, bound: straightEnd,
  },
  {
    name: "rectangle", key: "r", label: "Rectangle", caption: "Rect", help: "hold Shift for a square", group: "shape", coloured: true,
    icon: '<path d="M2 3.500h12v9H2z"/>', paint: paintColour, shape: rectangleSpans, bound: squareEnd,
  },
  {
    name: "ellipse", key: "o", label: "Ellipse", help: "hold Shift for a circle", group: "shape", coloured: true,
    icon: '<path d="M8 3.500c3.600 0 6 2 6 4.500s-2.400 4.500-6 4.500-6-2-6-4.500 2.400-4.500 6-4.500z"/>',
    paint: paintColour, shape: ellipseSpans, bound: squareEnd,
  },
  {
    name: "select", key: "v", label: "Select", help: "Shift adds, Alt subtracts; drag inside to move", group: "select",
    selects: true, icon: '<path d="M2 2h12v12H2z" stroke-dasharray="2 2"/>', select: cellsInBox,
  },
  {
    name: "wand", key: "w", label: "Magic wand", caption: "Wand", purpose: "select an area of one colour",
    help: "Shift adds, Alt subtracts; drag inside to move", group: "select", selects: true,
    icon: '<path d="M2.500 13.500L9 7M11 1.500v3M11 7.500v2M7.500 5h2M12.500 5h2"/>', select: cellsOfColour,
  },
  {
    name: "mask", key: "m", label: "Mask", help: "hold Shift to unmask", group: "mask", opposite: "unmask", masks: true,
    icon: '<path d="M2 2h12v12H2z" stroke-dasharray="2.4 1.6"/><path d="M5 5h3v3H5zM8 8h3v3H8z" class="solid"/>',
    enter: (canvas) => canvas.view.setMaskFilled(true),
    paint: (picture, index) => setMask(picture, index, true),
  },
  {
    name: "unmask", key: "u", label: "Unmask", group: "mask", opposite: "mask", masks: true,
    icon: '<path d="M2 2h12v12H2z" stroke-dasharray="2.4 1.6"/><path d="M5 8h6"/>',
    enter: (canvas) => canvas.view.setMaskFilled(true),
    paint: (picture, index) => setMask(picture, index, false),
  },
  {
    name: "window", key: "a", label: "Model's window", caption: "Window", group: "mask",
    purpose: "on a larger picture, what Complete sees", help: "drag it or press; Escape: it follows the mask",
    icon: '<path d="M4.500 4.500h7v7h-7z"/><path d="M1.500 4V1.500H4M12 1.500h2.500V4M14.500 12v2.500H12M4 14.500H1.500V12"/>',
    enter: ({ view }) => view.drawOverlay(),
    leave: ({ modelWindow }) => modelWindow.release(),
    press: ({ modelWindow }, at, byKey) => modelWindow.press(at, byKey),
    point: ({ modelWindow }, at) => modelWindow.point(at),
    release: ({ modelWindow }) => modelWindow.release(),
    cancel: ({ modelWindow }) => modelWindow.cancel(),
    move: ({ modelWindow }, dx, dy) => modelWindow.moveBy(dx, dy),
    onKey: ({ modelWindow }, key) => key === "escape" && modelWindow.placed !== null && (modelWindow.free(), true),
  },
  {
    name: "temperature", key: "q", label: "Temperature", caption: "Wild", group: "inspect", masks: true, opposite: UNPAINTED,
    purpose: "paint where the model may be wild and where it stays calm", help: "1 to 5 choose how; hold Shift to unpaint",
    icon: '<path d="M6.500 9V3a1.500 1.500 0 013 0v6a3 3 0 11-3 0z"/><path d="M8 6v5M7 11h2v2H7z"/><path d="M12 3h2M12 6h2"/>',
    enter: ({ levels }) => levels.show(true),
    leave: ({ levels }) => levels.show(false),
    paint: paintTemperature,
    onKey(canvas, key) {
      if (!/^[1-5]$/.test(key)) return false;
      canvas.levels.choose(STEPS[key - 1].percent);
      return true;
    },
  },
  {
    name: "inspect", key: "s", label: "Inspect", purpose: "what surprises the model, and the colours it expects",
    help: "Escape ends", group: "inspect", toggles: true,
    icon: '<path d="M7 2.500a4.500 4.500 0 100 9 4.500 4.500 0 000-9zM10.300 10.300L14 14"/>' +
      '<path d="M5 5h2v2H5zM7 7h2v2H7z" class="solid"/>',
    enter: ({ inspect }) => inspect.enter(),
    leave: ({ inspect }) => inspect.look(),
    press: ({ inspect }, at, byKey) => (byKey ? inspect.paintLikely(0) : inspect.press(at)),
    point: ({ inspect }, at) => inspect.point(at),
    release: ({ inspect }) => inspect.release(),
    cancel: ({ inspect }) => inspect.cancel(),
    onKey(canvas, key) {
      if (key === "escape") canvas.press("inspect");
      else if (/^[1-5]$/.test(key)) canvas.inspect.paintLikely(key - 1);
      else return false;
      return true;
    },
  },
];

// Does nothing if the area has the colour already, so the hidden bytes of transparent pixels stay.
function fillArea(picture, at, colour) {
  if (!isInside(picture, at) || colourAt(picture, at).join() === colour.join()) return;
  for (const index of areaOf(picture, at)) setColour(picture, index, colour);
}

export const toolNamed = (tools, name) => tools.find((tool) => tool.name === name);

// The tool that a press uses: Alt picks a colour, the right button (and Shift, for a mask) takes the opposite.
export function toolOfPress(tools, tool, { altKey, shiftKey, button }) {
  if (altKey && !tool.masks && !tool.selects) return toolNamed(tools, "pick") || tool;
  const opposite = button === 2 || (shiftKey && tool.masks);
  return (opposite && (toolNamed(tools, tool.opposite) || tool.opposite)) || tool;
}

// A list of [tool, ...] for each group, in the order of the table.
export function groupsOf(tools) {
  const groups = new Map();
  for (const tool of tools) groups.set(tool.group, [...(groups.get(tool.group) || []), tool]);
  return [...groups.values()];
}
