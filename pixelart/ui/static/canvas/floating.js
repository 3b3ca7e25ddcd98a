// Pixels that were lifted or pasted, and float over the picture until they are put down: one undo step. Meanwhile the
// picture shows them where they are, and its selection is theirs.

import { copyOf, withoutEmptySelection } from "./picture.js";
import { CHANGES, pieceOf, withPiece, withoutSelected } from "./selection.js";

export class Floating {
  piece = null;     // null: nothing floats
  before = null;    // the picture that undo returns to
  base = null;      // the picture below the piece

  constructor(canvas) {
    this.canvas = canvas;
  }

  get isOpen() { return this.piece !== null; }
  get at() { return this.piece && [this.piece.x, this.piece.y]; }

  // Lifts the selected pixels, if none float yet.
  lift() {
    const { picture } = this.canvas;
    if (this.isOpen) return;
    Object.assign(this, { before: copyOf(picture), base: withoutSelected(picture), piece: pieceOf(picture) });
  }

  // Pastes a piece where it was copied, or near it where the picture is smaller.
  paste(piece) {
    this.putDown();
    const { picture } = this.canvas, { width, height } = picture;
    const within = (place, length, room) => Math.max(0, Math.min(place, room - length));
    Object.assign(this, { before: copyOf(picture), base: copyOf(picture) });
    this.#show({ ...piece, x: within(piece.x, piece.width, width), y: within(piece.y, piece.height, height) });
  }

  moveTo([x, y]) {
    this.lift();
    this.#show({ ...this.piece, x, y });
  }

  moveBy(dx, dy) {
    this.lift();
    this.moveTo([this.piece.x + dx, this.piece.y + dy]);
  }

  // `change`: a name of CHANGES.
  change(change) {
    this.lift();
    this.#show(CHANGES[change](this.piece));
  }

  // Removes the floating pixels; what they covered is back.
  drop() {
    const { selection } = this.canvas.picture;
    this.canvas.picture = { ...this.base, selection };
    this.putDown();
  }

  putDown() {
    if (!this.isOpen) return;
    const { before, canvas } = this;
    this.forget();
    canvas.picture = withoutEmptySelection(canvas.picture);
    canvas.addStep(before);
    canvas.view.refresh();
  }

  // The steps of a history as they are once the pixels are put down.
  stepsWith(history) {
    const undoSteps = [...history.undoSteps, this.before].slice(-history.limit);
    return this.isOpen ? { ...history, undoSteps, redoSteps: [] } : history;
  }

  // Undoes everything since the pixels began to float.
  cancel() {
    if (!this.isOpen) return;
    this.canvas.picture = this.before;
    this.forget();
    this.canvas.view.refresh();
  }

  forget() {
    this.piece = this.before = this.base = null;
  }

  #show(piece) {
    const { canvas } = this;
    this.piece = piece;
    canvas.picture = withPiece(this.base, piece);
    canvas.view.refresh();
  }
}
