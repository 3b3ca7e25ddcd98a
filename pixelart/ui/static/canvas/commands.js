// The table of commands: the buttons of the bar that are not tools. canvas.html places each one.
//
//   name, label, icon, run(canvas)
//   title        the tooltip, if it differs from the label
//   note         more for the tooltip, made from the limits {side, fileBytes}
//   keys         the keys; the tooltip names the first
//   pressed      makes it a switch; the initial state

import { clearMask, invertMask } from "./mask.js";
import { mebibytes } from "./words.js";

const MASK_BOX = '<path d="M2 2h12v12H2z" stroke-dasharray="2.4 1.6"/>', MINUS = '<path d="M3 8h10"/>', PLUS = '<path d="M3 8h10M8 3v10"/>';

export const COMMANDS = [
  { name: "smaller", label: "Smaller brush", keys: ["["], icon: MINUS, run: (canvas) => canvas.setBrushSize(canvas.brush.size - 1) },
  { name: "larger", label: "Larger brush", keys: ["]"], icon: PLUS, run: (canvas) => canvas.setBrushSize(canvas.brush.size + 1) },
  {
    name: "undo", label: "Undo", keys: ["ctrl+z"], run: (canvas) => canvas.undo(),
    icon: '<path d="M6 3L2.5 6.5 6 10"/><path d="M3 6.5h6.5a3.5 3.5 0 010 7H6"/>',
  },
  {
    name: "redo", label: "Redo", keys: ["ctrl+shift+z", "ctrl+y", "ctrl+shift+y"], run: (canvas) => canvas.redo(),
    icon: '<path d="M10 3l3.5 3.5L10 10"/><path d="M13 6.5H6.5a3.5 3.5 0 000 7H10"/>',
  },
  {
    name: "blank", label: "New picture", title: "New: an empty picture of the model's size; Undo brings this one back",
    icon: '<path d="M3.500 1.500h6l3 3v10h-9zM9.500 1.500v3h3"/>', run: (canvas) => canvas.newPicture(),
  },
  {
    name: "show", label: "Show mask filled", title: "Show the mask filled, or only its outline", keys: ["h"], pressed: true,
    icon: '<path d="M1 8c2-3.3 4.3-5 7-5s5 1.7 7 5c-2 3.3-4.3 5-7 5s-5-1.7-7-5z"/>' +
      '<path d="M8 5.800a2.2 2.2 0 100 4.4 2.2 2.2 0 000-4.400z" class="solid"/>',
    run: ({ view }) => view.setMaskFilled(!view.maskFilled),
  },
  {
    name: "invert", label: "Invert mask", icon: MASK_BOX + '<path d="M2 14L14 2v12z" class="solid"/>',
    run: (canvas) => canvas.edit(invertMask),
  },
  {
    name: "clear", label: "Clear mask", icon: MASK_BOX + '<path d="M5.5 5.5l5 5M10.5 5.5l-5 5"/>',
    run: (canvas) => canvas.edit(clearMask),
  },
  {
    name: "mirror", label: "Mirror left and right", keys: ["x"], pressed: false,
    icon: '<path d="M8 1.5v13" stroke-dasharray="2 1.5"/><path d="M6 4v8H1.5z"/><path d="M10 4v8h4.5z" class="solid"/>',
    run: (canvas) => canvas.setMirror(!canvas.brush.mirror),
  },
  {
    name: "grid", label: "Grid", keys: ["#"], pressed: false, icon: '<path d="M2 2h12v12H2zM2 6h12M2 10h12M6 2v12M10 2v12"/>',
    run: ({ view }) => view.setGrid(!view.grid),
  },
  {
    name: "tile", label: "Tile", title: "Tile: repeat the picture around itself", keys: ["t"], pressed: false,
    icon: '<path d="M5.5 5.5h5v5h-5z" class="solid"/>' +
      '<path d="M1.5 1.5h13v13h-13zM1.5 5.5h13M1.5 10.5h13M5.5 1.5v13M10.5 1.5v13" stroke-width="1"/>',
    run: ({ view }) => view.setTiled(!view.tiled),
  },
  { name: "out", label: "Zoom out", keys: ["-"], icon: MINUS, run: ({ view }) => view.zoomOut() },
  { name: "in", label: "Zoom in", keys: ["+", "="], icon: PLUS, run: ({ view }) => view.zoomIn() },
  {
    name: "fit", label: "Fit to view", keys: ["0"], run: ({ view }) => view.fit(),
    icon: '<path d="M2 5.5V2h3.5M10.5 2H14v3.5M14 10.5V14h-3.5M5.5 14H2v-3.5"/>',
  },
  {
    name: "import", label: "Import a picture: choose, drop or paste", run: (canvas) => canvas.$(".file").click(),
    note: ({ side, fileBytes }) => `at most ${side} x ${side} pixels, ${mebibytes(fileBytes)}`,
    icon: '<path d="M2 10.5V14h12v-3.5M8 10.5V2M4.8 5.2L8 2l3.2 3.2"/>',
  },
];
