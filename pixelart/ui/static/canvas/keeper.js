// Stores the picture, its history and the tools in the browser (static/work.js) after every change, and restores them
// when the page opens.

import { History } from "./history.js";
import { SWITCHES, checkedWork, keptWork } from "./kept.js";
import { copyOf, withoutEmptySelection } from "./picture.js";
import { toolNamed } from "./tools.js";

const TRIES = 100, PAUSE = 20;    // milliseconds

// The page's storage. Its component may appear after the canvas.
async function storage() {
  const pause = () => new Promise((resolve) => { setTimeout(resolve, PAUSE); });
  for (let tries = 0; !window.work && tries < TRIES; tries += 1) await pause();
  return window.work;
}

export class Keeper {
  constructor(canvas) {
    this.canvas = canvas;
  }

  keepWork() {
    const { picture, history, floating, tool, brush, sizes, swatches, view, modelWindow } = this.canvas;
    const now = withoutEmptySelection(copyOf(picture));    // strokes change the picture before it is written
    const work = keptWork(now, floating.stepsWith(history), {
      tool: tool.name, sizes, colour: swatches.chosen, showGrid: view.grid, maskFilled: view.maskFilled,
      placed: modelWindow.placed, percent: brush.percent,
      own: swatches.own, source: swatches.source, isSorted: swatches.isSorted,
      ...Object.fromEntries(SWITCHES.map((name) => [name, brush[name]])),
    });
    window.work?.then((storing) => storing?.keep("canvas", work));
  }

  async putBackWork() {
    const storing = await storage(), value = await storing?.part("canvas");
    const isBack = this.#putBack(value);
    if (isBack) this.canvas.pages.restore(await storing.part("sheet"));
    storing?.paintingIsBack(isBack);
  }

  // Restores the stored work; returns whether there was a usable picture.
  #putBack(value) {
    const { canvas } = this, names = canvas.tools.filter((tool) => !tool.toggles).map((tool) => tool.name);
    const work = canvas.picture ? null : checkedWork(value, canvas.limits.side, names);
    if (!work) return false;
    canvas.picture = work.now;
    canvas.history = History.of(work);
    this.#putBackTools(work.tools);
    canvas.exchange.publish();
    canvas.view.fit();
    canvas.view.refresh();
    return true;
  }

  #putBackTools({ tool, sizes, colour, showGrid, maskFilled, percent, own, source, isSorted, placed, ...switches }) {
    const { canvas } = this;
    canvas.modelWindow.placed = placed;
    if (colour) canvas.swatches.choose(colour);
    canvas.levels.choose(percent);
    canvas.swatches.putBack({ own, source, isSorted });
    canvas.sizes = sizes;
    canvas.setTool(tool ? toolNamed(canvas.tools, tool) : canvas.tool);
    if (!maskFilled) canvas.view.setMaskFilled(false);
    for (const name of SWITCHES) canvas.setBrush(name, switches[name]);
    if (showGrid) canvas.view.setGrid(true);
  }
}
