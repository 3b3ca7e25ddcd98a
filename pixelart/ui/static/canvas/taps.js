// Taps with several fingers: all touch and leave within a short time, and none moves.

const LONGEST = 350, FARTHEST = 14;    // milliseconds, CSS pixels

export class Taps {
  #starts = new Map();    // pointer id -> where it touched
  #most = 0;              // fingers at once
  #began = 0;
  #isTap = false;

  down(id, at, time) {
    if (!this.#starts.size) [this.#most, this.#began, this.#isTap] = [0, time, true];
    this.#starts.set(id, at);
    this.#most = Math.max(this.#most, this.#starts.size);
  }

  move(id, [x, y]) {
    const start = this.#starts.get(id);
    if (start && Math.hypot(x - start[0], y - start[1]) > FARTHEST) this.#isTap = false;
  }

  // The number of fingers that have tapped; 0 until the last one leaves, and for anything that is no tap.
  up(id, time) {
    if (!this.#starts.delete(id) || this.#starts.size) return 0;
    return this.#isTap && time - this.#began <= LONGEST ? this.#most : 0;
  }

  // The browser took the finger, such as to scroll.
  cancel(id) {
    this.#starts.delete(id);
    this.#isTap = false;
  }
}
