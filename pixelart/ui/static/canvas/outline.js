// The masked or selected pixels as paths, in cells: `cells` to fill and `outline` to stroke. They are made only when
// the pixels change.

import { visitCells } from "./mask.js";
import { sameBytes } from "./picture.js";

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
    const draw = (ax, ay, bx, by) => { outline.moveTo(ax, ay); outline.lineTo(bx, by); };
    visitCells(picture, bits, (x, y, length) => cells.rect(x, y, length, 1), draw);
    this.#bits = bits.slice();
    this.#width = picture.width;
    this.#paths = { cells, outline };
  }
}
