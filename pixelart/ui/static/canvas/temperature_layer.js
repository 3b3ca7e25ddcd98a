// Shows the painted temperature over the picture: filled while its tool is chosen, else only outlines.

import { Outline } from "./outline.js";
import { cached, onScreen, tileOf } from "./patterns.js";
import { PLAIN, sameLayer } from "./picture.js";
import { STEPS, cellsOfStep, hasTemperature } from "./temperature.js";

const SIDE = 8;    // of the pattern's square, in CSS pixels

const PAINTED = STEPS.filter(({ percent }) => percent !== PLAIN);

export class TemperatureLayer {
  shapes = [];    // [step, paths] of each step that is painted
  #last = null;
  #outlines = PAINTED.map(() => new Outline());

  // Finds the shapes again if the temperature has changed.
  refresh(picture) {
    const { width, temperature } = picture, last = this.#last;
    if (last?.width === width && sameLayer(last.temperature, temperature)) return;
    this.#last = { width, temperature: temperature && temperature.slice() };
    const pathsOf = (step, i) => this.#outlines[i].of(picture, cellsOfStep(picture, step));
    const shapes = hasTemperature(picture) ? PAINTED.map((step, i) => [step, pathsOf(step, i)]) : [];
    this.shapes = shapes.filter(([, paths]) => paths);
  }

  // `inCells` sets the pen's unit to a cell.
  draw(scene, inCells, isFilled) {
    const { pen, ratio, cell } = scene;
    for (const [step, { cells, outline }] of this.shapes) {
      inCells();
      if (isFilled) {
        pen.fillStyle = onScreen(scene, patternOf(step.percent, Math.round(SIDE * ratio)));
        pen.fill(cells);
      }
      pen.setLineDash([]);
      for (const [style, width] of [["rgba(255, 255, 255, .9)", 3], [`rgb(${step.colour})`, 1.5]]) {
        pen.strokeStyle = style;
        pen.lineWidth = width / cell;
        pen.stroke(outline);
      }
    }
  }
}

const patternOf = cached((percent, side) => tileOf(side, (brush) => {
  const { colour, lines } = STEPS.find((step) => step.percent === percent), unit = side / 8;
  brush.fillStyle = `rgba(${colour}, .16)`;
  brush.fillRect(0, 0, side, side);
  for (const [style, width] of [["rgba(255, 255, 255, .5)", 1.8], [`rgba(${colour}, .8)`, .9]]) {
    brush.strokeStyle = style;
    brush.lineWidth = width * unit;
    brush.lineCap = "square";
    for (const [x, y, toX, toY] of lines) {
      brush.beginPath();
      brush.moveTo(x * unit, y * unit);
      brush.lineTo(toX * unit, toY * unit);
      brush.stroke();
    }
  }
}));
