// The masked or selected pixels as paths, in cells: `cells` to fill and `outline` to stroke. They are made only when
// the pixels change.

import { visitCells } from "./mask.js";
import { sameBytes } from "./picture.js";

// Joins edges that follow each other into lines, of which far fewer are to be stroked.
export class Lines {
  #open = new Map();    // the row (even) or column (odd) of the grid -> the line that grows there

  constructor(draw) {
    this.draw = draw;
  }

  add = (ax, ay, bx, by) => {
    const key = ay === by ? 2 * ay : 2 * ax + 1, line = this.#open.get(key);
    if (line && line[2] === ax && line[3] === ay) {
      line[2] = bx;
      line[3] = by;
      return;
    }
    if (line) this.draw(...line);
    this.#open.set(key, [ax, ay, bx, by]);
  };

  end() {
    for (const line of this.#open.values()) this.draw(...line);
  }
}

export class Outline {
  #bits = null;
  #width = 0;
  #paths = null;

  // The paths of the ones in `bits`, or null if there are none.
  of(picture, bits) {
    if (!bits?.includes(1)) return null;
    if (this.#width !== picture.width || !this.#bits || !sameBytes(this.#bits, bits)) this.#make(picture, bits);
    return this.#paths;
  }

  #make(picture, bits) {
    const cells = new Path2D(), outline = new Path2D();
    const lines = new Lines((ax, ay, bx, by) => { outline.moveTo(ax, ay); outline.lineTo(bx, by); });
    visitCells(picture, bits, (x, y, length) => cells.rect(x, y, length, 1), lines.add);
    lines.end();
    this.#bits = bits.slice();
    this.#width = picture.width;
    this.#paths = { cells, outline };
  }
}
