// Undo and redo: the pictures before and after each change.

import { bytesOf } from "./picture.js";

export const UNDO_LIMIT = 200, UNDO_BYTES = 64 * 2 ** 20;

// The newest steps that fit into `room` bytes, and the bytes that are left. The step `held` is always among them.
export function newestOf(steps, room, held = null) {
  const sizeOf = (step) => (step === held ? 0 : bytesOf(step));
  let first = steps.length;
  if (steps.includes(held)) room -= bytesOf(held);
  while (first > 0 && sizeOf(steps[first - 1]) <= room) room -= sizeOf(steps[first -= 1]);
  return [steps.filter((step, i) => i >= first || step === held), room];
}

export class History {
  undoSteps = [];
  redoSteps = [];
  held = null;    // the step that the browser stores even if it has no room for more: the one before a sheet was cut

  constructor({ limit = UNDO_LIMIT, bytes = UNDO_BYTES } = {}) {
    this.limit = limit;
    this.bytes = bytes;
  }

  // The history of stored steps (see kept.js).
  static of({ undo, redo, held }) {
    return Object.assign(new History(), { undoSteps: undo, redoSteps: redo, held: undo[held] || null });
  }

  // Adds the picture before a change as one undo step.
  add(before) {
    this.undoSteps.push(before);
    [this.undoSteps] = newestOf(this.undoSteps.slice(-this.limit), this.bytes);
    this.redoSteps = [];
  }

  // The picture before `now`, or null.
  undo(now) {
    return travel(now, this.undoSteps, this.redoSteps);
  }

  // The picture that `undo` left, or null.
  redo(now) {
    return travel(now, this.redoSteps, this.undoSteps);
  }
}

function travel(now, from, to) {
  if (!from.length) return null;
  to.push(now);
  return from.pop();
}
