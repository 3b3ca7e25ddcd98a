// The table of commands: the buttons that are not tools. canvas.html places each one, except those of a menu.
//
//   name, label, icon, run(canvas)
//   title        the tooltip, if it differs from the label
//   note         more for the tooltip, made from the limits {side, fileBytes}
//   keys         the keys; the tooltip names the first
//   pressed      makes it a switch; the initial state
//   menu         the menu that it stands in: "picture", "select", "mask" or "view"
//   copies       its key may also mean text of the page
//   byEvent      the browser's own event runs it, not its key

import { COLOUR_COMMANDS } from "./colour_commands.js";
import { copyToClipboard, pasteFromClipboard } from "./clipboard.js";
import { openCanvasSize, openKeys, openNew } from "./dialogs.js";
import { cropped } from "./documents.js";
import { clearMask, growMask, invertMask, maskColour, maskSelection, shrinkMask } from "./mask.js";
import { saveMask } from "./mask_files.js";
import { PAGE_COMMANDS } from "./pages.js";
import { everything, withoutSelected } from "./selection.js";
import { mebibytes } from "./words.js";

const MASK_BOX = '<path d="M2 2h12v12H2z" stroke-dasharray="2.4 1.6"/>', MINUS = '<path d="M3 8h10"/>', PLUS = '<path d="M3 8h10M8 3v10"/>';
const CROSS = '<path d="M5.5 5.5l5 5M10.5 5.5l-5 5"/>', SELECTION = '<path d="M2 2h12v12H2z" stroke-dasharray="2 2"/>';
const UP = '<path d="M2 10.5V14h12v-3.5M8 10.5V2M4.8 5.2L8 2l3.2 3.2"/>';
const NOTHING = "Nothing is selected.";

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
    name: "all", label: "Select all", keys: ["ctrl+a"], menu: "select", icon: SELECTION + '<path d="M5 5h6v6H5z" class="solid"/>',
    run: (canvas) => canvas.edit((picture) => { picture.selection = everything(picture); }),
  },
  {
    name: "deselect", label: "Deselect", keys: ["ctrl+d", "escape"], menu: "select", icon: SELECTION + CROSS, run: deselect,
  },
  {
    name: "cut", label: "Cut", keys: ["ctrl+x"], copies: true, menu: "select", run: cut,
    icon: '<path d="M4.500 2l6 8M11.500 2l-6 8M4.500 10a2 2 0 100 4 2 2 0 000-4zM11.500 10a2 2 0 100 4 2 2 0 000-4z"/>',
  },
  {
    name: "copy", label: "Copy", keys: ["ctrl+c"], copies: true, menu: "select", run: copyToClipboard,
    icon: '<path d="M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3"/>',
  },
  {
    name: "paste", label: "Paste", keys: ["ctrl+v"], byEvent: true, menu: "select", run: pasteFromClipboard,
    icon: '<path d="M3 3h10v11H3zM6 1.500h4v3H6z"/>',
  },
  {
    name: "delete", label: "Delete", title: "Delete: make the selected pixels, or all, transparent", keys: ["delete", "backspace"],
    menu: "select", icon: '<path d="M2.500 4h11M6 4V2h4v2M4 4l.8 10h6.400L12 4"/>', run: erase,
  },
  {
    name: "flipX", label: "Flip left and right", keys: ["shift+h"], menu: "select", run: (canvas) => canvas.change("flipX"),
    icon: '<path d="M8 2v12" stroke-dasharray="2 1.5"/><path d="M6 4v8H1.500zM10 4v8h4.500z"/>',
  },
  {
    name: "flipY", label: "Flip top and bottom", keys: ["shift+v"], menu: "select", run: (canvas) => canvas.change("flipY"),
    icon: '<path d="M2 8h12" stroke-dasharray="2 1.5"/><path d="M4 6h8V1.500zM4 10h8v4.500z"/>',
  },
  {
    name: "right", label: "Turn right", keys: ["shift+r"], menu: "select", run: (canvas) => canvas.change("right"),
    icon: '<path d="M3 13V9a4 4 0 014-4h6M10 2l3 3-3 3"/>',
  },
  {
    name: "left", label: "Turn left", keys: ["shift+l"], menu: "select", run: (canvas) => canvas.change("left"),
    icon: '<path d="M13 13V9a4 4 0 00-4-4H3M6 2L3 5l3 3"/>',
  },
  {
    name: "blank", label: "New picture", keys: ["n"], menu: "picture", run: openNew,
    icon: '<path d="M3.500 1.500h6l3 3v10h-9zM9.500 1.500v3h3"/>',
  },
  {
    name: "canvasSize", label: "Canvas size", keys: ["shift+c"], menu: "picture", run: openCanvasSize,
    icon: '<path d="M2 2h8v8H2z"/><path d="M13.500 6v7.500H6" stroke-dasharray="2 1.5"/>',
  },
  {
    name: "crop", label: "Crop to the selection", keys: ["k"], menu: "picture", run: crop,
    icon: '<path d="M4 1v11h11M1 4h11v11"/>',
  },
  {
    name: "keys", label: "Keys", keys: ["?"], menu: "picture", run: openKeys,
    icon: '<path d="M1.500 4h13v8h-13zM4 6.500h1M7.500 6.500h1M11 6.500h1M5 9.500h6"/>',
  },
  {
    name: "show", label: "Show mask filled", title: "Show the mask filled, or only its outline", keys: ["h"], pressed: true,
    icon: '<path d="M1 8c2-3.3 4.3-5 7-5s5 1.7 7 5c-2 3.3-4.3 5-7 5s-5-1.7-7-5z"/>' +
      '<path d="M8 5.800a2.2 2.2 0 100 4.4 2.2 2.2 0 000-4.400z" class="solid"/>',
    run: ({ view }) => view.setMaskFilled(!view.maskFilled),
  },
  {
    name: "invert", label: "Invert mask", keys: ["shift+i"], menu: "mask", icon: MASK_BOX + '<path d="M2 14L14 2v12z" class="solid"/>',
    run: (canvas) => canvas.edit(invertMask),
  },
  {
    name: "clear", label: "Clear mask", keys: ["shift+m"], menu: "mask", icon: MASK_BOX + CROSS,
    run: (canvas) => canvas.edit(clearMask),
  },
  {
    name: "maskSelection", label: "Mask the selection", keys: ["d"], menu: "mask", run: maskSelected,
    icon: MASK_BOX + '<path d="M5 5h6v6H5z" class="solid"/>',
  },
  {
    name: "maskColour", label: "Mask the chosen colour", keys: ["shift+d"], menu: "mask",
    icon: MASK_BOX + '<path d="M8 4.500a3.500 3.500 0 100 7 3.500 3.500 0 000-7z" class="solid"/>',
    run: (canvas) => canvas.edit((picture) => maskColour(picture, canvas.brush.colour)),
  },
  {
    name: "grow", label: "Grow mask by a pixel", keys: [">"], menu: "mask", icon: MASK_BOX + '<path d="M5 8h6M8 5v6"/>',
    run: (canvas) => canvas.edit(growMask),
  },
  {
    name: "shrink", label: "Shrink mask by a pixel", keys: ["<"], menu: "mask", icon: MASK_BOX + '<path d="M5 8h6"/>',
    run: (canvas) => canvas.edit(shrinkMask),
  },
  {
    name: "importMask", label: "Import mask", title: "Import mask: a picture of this size; white is masked", keys: ["p"],
    menu: "mask", icon: UP, run: (canvas) => canvas.$(".mask-file").click(),
  },
  {
    name: "exportMask", label: "Export mask", title: "Export mask: a PNG; white is masked", keys: ["shift+p"], menu: "mask",
    icon: '<path d="M2 10.500V14h12v-3.500M8 2v8.500M4.800 7.300L8 10.500l3.200-3.200"/>', run: saveMask,
  },
  {
    name: "mirror", label: "Mirror left and right", keys: ["x"], pressed: false,
    icon: '<path d="M8 1.5v13" stroke-dasharray="2 1.5"/><path d="M6 4v8H1.5z"/><path d="M10 4v8h4.5z" class="solid"/>',
    run: (canvas) => canvas.setBrush("mirror", !canvas.brush.mirror),
  },
  {
    name: "mirrorY", label: "Mirror top and bottom", keys: ["y"], pressed: false,
    icon: '<path d="M1.500 8h13" stroke-dasharray="2 1.5"/><path d="M4 6h8V1.500z"/><path d="M4 10h8v4.500z" class="solid"/>',
    run: (canvas) => canvas.setBrush("mirrorY", !canvas.brush.mirrorY),
  },
  {
    name: "filled", label: "Filled shapes", title: "Fill rectangles and ellipses", keys: ["f"], pressed: false,
    icon: '<path d="M1.500 5.500h9v9h-9z" class="solid"/><path d="M5.500 1.500h9v9h-4"/>',
    run: (canvas) => canvas.setBrush("filled", !canvas.brush.filled),
  },
  {
    name: "grid", label: "Grid", keys: ["#"], pressed: false, menu: "view",
    icon: '<path d="M2 2h12v12H2zM2 6h12M2 10h12M6 2v12M10 2v12"/>',
    run: ({ view }) => view.setGrid(!view.grid),
  },
  {
    name: "tile", label: "Tile", title: "Tile: repeat the picture around itself", keys: ["t"], menu: "view",
    pressed: false,
    icon: '<path d="M5.5 5.5h5v5h-5z" class="solid"/>' +
      '<path d="M1.5 1.5h13v13h-13zM1.5 5.5h13M1.5 10.5h13M5.5 1.5v13M10.5 1.5v13" stroke-width="1"/>',
    run: ({ view }) => view.setTiled(!view.tiled),
  },
  { name: "out", label: "Zoom out", keys: ["-"], menu: "view", icon: MINUS, run: ({ view }) => view.zoomOut() },
  { name: "in", label: "Zoom in", keys: ["+", "="], menu: "view", icon: PLUS, run: ({ view }) => view.zoomIn() },
  {
    name: "fit", label: "Fit to view", keys: ["0"], menu: "view", run: ({ view }) => view.fit(),
    icon: '<path d="M2 5.5V2h3.5M10.5 2H14v3.5M14 10.5V14h-3.5M5.5 14H2v-3.5"/>',
  },
  {
    name: "import", label: "Import a picture: choose, drop or paste", keys: ["shift+o"], run: (canvas) => canvas.$(".file").click(),
    note: ({ side, fileBytes }) => `at most ${side} x ${side} pixels, ${mebibytes(fileBytes)}`,
    icon: UP,
  },
  ...PAGE_COMMANDS, ...COLOUR_COMMANDS,
];

function deselect(canvas) {
  if (!canvas.canEdit || !canvas.picture.selection) return;
  if (!canvas.floating.isOpen) return canvas.edit((picture) => { picture.selection = null; });
  canvas.picture = { ...canvas.picture, selection: null };
  canvas.floating.putDown();
}

function erase(canvas) {
  if (!canvas.canEdit) return;
  if (canvas.floating.isOpen) canvas.floating.drop();
  else canvas.edit((picture) => { picture.pixels = withoutSelected(picture).pixels; });
}

function cut(canvas) {
  if (!canvas.canEdit) return;
  copyToClipboard(canvas);
  erase(canvas);
}

function crop(canvas) {
  if (!canvas.picture?.selection) return canvas.say(NOTHING);
  canvas.replace(cropped);
}

function maskSelected(canvas) {
  if (!canvas.picture?.selection) return canvas.say(NOTHING);
  canvas.edit(maskSelection);
}
