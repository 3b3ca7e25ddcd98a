// Patterns that fill and stroke what lies over the picture: their pixels are those of the screen at every zoom.

// A tile as a pattern whose pixels are those of the screen, moved by `shift`, while the pen's unit is a cell.
export function onScreen({ pen, ratio, cell, x, y }, tile, shift = 0) {
  const pattern = pen.createPattern(tile, "repeat"), unit = cell * ratio;
  const [left, top] = [x, y].map((start) => (shift - start * ratio) / unit);
  pattern.setTransform(new DOMMatrix([1 / unit, 0, 0, 1 / unit, left, top]));
  return pattern;
}

// `make` that remembers its results, by its arguments.
export function cached(make) {
  const made = new Map();
  return (...given) => {
    const key = given.join();
    if (!made.has(key)) made.set(key, make(...given));
    return made.get(key);
  };
}

// A square canvas with what `draw` draws.
export function tileOf(side, draw) {
  const tile = Object.assign(document.createElement("canvas"), { width: side, height: side });
  draw(tile.getContext("2d"));
  return tile;
}
