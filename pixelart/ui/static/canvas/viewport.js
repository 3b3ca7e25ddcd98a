// Zoom and pan as numbers. A view is {cell, x, y, fitted}: CSS pixels per cell, and the place of the picture's corner.

export const MAX_CELL = 80;

// A length rounded to whole device pixels, of which `ratio` are one CSS pixel.
export const onDevice = (length, ratio) => Math.round(length * ratio) / ratio;

// The largest cell, in whole device pixels, with which the picture fits. Tiled, three by three pictures must fit.
export function cellThatFits({ width, height }, [roomX, roomY], ratio, tiled) {
  const exact = Math.min(roomX / width, roomY / height) / (tiled ? 3 : 1);
  return Math.floor(exact * ratio) / ratio || exact;
}

// The view with another cell; the point at `centre` stays in place.
export function zoomed(view, cell, [x, y]) {
  const scale = cell / view.cell;
  return { cell, fitted: false, x: x - (x - view.x) * scale, y: y - (y - view.y) * scale };
}

export const largerCell = (cell, ratio) => Math.max(cell * 1.25, cell + 1 / ratio);
export const smallerCell = (cell, ratio) => Math.min(cell / 1.25, cell - 1 / ratio);

// Centres a side that fits into the stage; keeps a larger side from leaving it.
export function keptInside(offset, length, room, ratio, tiled) {
  const around = tiled ? length : 0, whole = length + 2 * around;
  const start = whole <= room ? (room - whole) / 2 : Math.min(0, Math.max(room - whole, offset - around));
  return onDevice(start, ratio) + around;
}

// How far the view must move to show a cell at `offset`.
export const intoSight = (offset, cell, room) => (offset < 0 ? -offset : Math.min(0, room - offset - cell));
