// Undo and redo: the pictures before and after each change.

import { bytesOf } from "./picture.js";

export const UNDO_LIMIT = 200, UNDO_BYTES = 64 * 2 ** 20;

// The newest steps that fit into `room` bytes, and the bytes that are left.
export function newestOf(steps, room) {
  let first = steps.length;
  while (first > 0 && bytesOf(steps[first - 1]) <= room) room -= bytesOf(steps[first -= 1]);
  return [steps.slice(first), room];
}

export class History {
  undoSteps = [];
  redoSteps = [];

  constructor({ limit = UNDO_LIMIT, bytes = UNDO_BYTES } = {}) {
    this.limit = limit;
    this.bytes = bytes;
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
