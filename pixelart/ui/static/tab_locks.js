// Which tab has which work. A page by plain http has no locks of the browser; there, the tabs ask each other.

const NAME = "pixelart-studio";
const PATIENCE = 250;    // milliseconds; then no tab has the work
const HELD = 0;          // the rank of a tab that has it

export class TabLocks {
  #ranks = new Map();    // id -> HELD, or the random rank of this tab while it asks: the lowest one gets the id
  #channel = null;

  // Locks a tab's work for this page until the page closes; false if another page has the lock. After a reload, the old
  // page may hold it for a moment.
  hold(id, patience = 0) {
    return globalThis.navigator?.locks ? lockOf(id, patience) : this.#ask(id);
  }

  async #ask(id) {
    const rank = 1 + Math.random();
    this.#channel ??= this.#listen();
    this.#ranks.set(id, rank);
    this.#channel.postMessage({ id, rank });
    await new Promise((resolve) => { setTimeout(resolve, PATIENCE); });
    if (this.#ranks.get(id) !== rank) return false;
    this.#ranks.set(id, HELD);
    return true;
  }

  // Answers what is asked for here with the own rank, and gives way to a lower one.
  #listen() {
    const channel = new BroadcastChannel(NAME + " tabs");
    channel.onmessage = ({ data: { id, rank } }) => {
      const own = this.#ranks.get(id);
      if (own > rank) this.#ranks.delete(id);
      else if (own < rank) channel.postMessage({ id, rank: own });
    };
    return channel;
  }
}

function lockOf(id, patience) {
  return new Promise((resolve) => {
    const options = patience ? { signal: AbortSignal.timeout(patience) } : { ifAvailable: true };
    navigator.locks.request(NAME + " " + id, options, (lock) => {
      resolve(Boolean(lock));
      return lock && new Promise(() => {});
    }).catch(() => resolve(false));
  });
}
