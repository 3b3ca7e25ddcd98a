// Starts a canvas: makes its buttons, adds its listeners, and restores its stored picture.

import { Canvas } from "./canvas.js";
import { listenToPaste } from "./clipboard.js";
import { COMMANDS } from "./commands.js";
import { listenToDialogs } from "./dialogs.js";
import { listenToFiles } from "./files.js";
import { listenToImports } from "./importing.js";
import { listenToLevels } from "./levels.js";
import { listenToPaletteFiles } from "./palette_files.js";
import { listenToPicker } from "./picker.js";
import { listenToRecolour } from "./recolour.js";
import { listenToPanel } from "./inspect_panel.js";
import { listenToKeys } from "./keyboard.js";
import { listenToMaskFiles } from "./mask_files.js";
import { listenToMenus } from "./menus.js";
import { listenToPointer } from "./pointer.js";
import { Showing } from "./showing.js";
import { listenToSwatches } from "./swatches.js";
import { listenToButtons, makeToolbars } from "./toolbars.js";
import { TOOLS } from "./tools.js";

const LISTENERS = [
  listenToButtons, listenToPointer, listenToKeys, listenToSwatches, listenToFiles, listenToPanel,
  listenToPaste, listenToMaskFiles, listenToMenus, listenToDialogs, listenToImports, listenToPicker,
  listenToRecolour, listenToPaletteFiles, listenToLevels,
];

// The services of the canvas for the page's events: `drawings`, `inspection`, `showing` and `swatches`.
export function start(component) {
  const canvas = new Canvas(component, TOOLS, COMMANDS);
  makeToolbars(canvas);
  for (const listen of LISTENERS) listen(canvas);
  canvas.setTool(canvas.tool);
  canvas.swatches.setPalette([]);
  component.onValue((value) => canvas.exchange.receive(value));
  canvas.keeper.putBackWork();
  canvas.view.start();
  return {
    drawings: canvas.exchange.drawings(), inspection: canvas.inspect.service(), showing: new Showing(canvas),
    swatches: canvas.swatches,
  };
}
