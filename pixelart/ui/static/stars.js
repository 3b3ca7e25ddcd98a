// The starred results, newest first: [{key, name, png: base64}]. They stay in localStorage, which all tabs share, until
// their star is removed: limits on stored work do not count them.

const NAME = "pixelart-studio starred";

const isText = (value) => typeof value === "string";
const isBase64 = (value) => isText(value) && /^[A-Za-z0-9+/=]+$/.test(value);
const isStar = (value) => isText(value?.key) && isText(value.name) && isBase64(value.png);

// The key of a result: the hash of its file in its address.
export const keyOf = (address) => /[0-9a-f]{64}/.exec(address)?.[0] || address;

export class Stars {
  // `storage()` throws where the browser blocks it, such as in a frame of a private window.
  constructor(storage = () => localStorage) {
    this.storage = storage;
  }

  get all() {
    try {
      const stored = JSON.parse(this.storage().getItem(NAME));
      return Array.isArray(stored) ? stored.filter(isStar) : [];
    } catch { return []; }
  }

  has(key) { return this.all.some((star) => star.key === key); }

  // Whether the browser stored it.
  add(star) { return this.#write([star, ...this.all.filter(({ key }) => key !== star.key)]); }

  remove(key) { return this.#write(this.all.filter((star) => star.key !== key)); }

  #write(stars) {
    try {
      this.storage().setItem(NAME, JSON.stringify(stars));
      return true;
    } catch { return false; }
  }
}
