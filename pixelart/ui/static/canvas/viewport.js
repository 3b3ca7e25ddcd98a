// Zoom and pan as numbers. A view is {cell, x, y, fitted}: CSS pixels a cell, and where the picture's corner lies.

export const MAX_CELL = 80;

// A length rounded to whole device pixels, of which `ratio` are one CSS pixel.
export const onDevice = (length, ratio) => Math.round(length * ratio) / ratio;

// The largest cell of whole device pixels with which the picture fits; tiled it is shown three by three.
export function cellThatFits({ width, height }, [roomX, roomY], ratio, tiled) {
  const exact = Math.min(roomX / width, roomY / height) / (tiled ? 3 : 1);
  return Math.floor(exact * ratio) / ratio || exact;
}

// The view with another cell, where what lies at `centre` stays there.
export function zoomed(view, cell, [x, y]) {
  const scale = cell / view.cell;
  return { cell, fitted: false, x: x - (x - view.x) * scale, y: y - (y - view.y) * scale };
}

export const largerCell = (cell, ratio) => Math.max(cell * 1.25, cell + 1 / ratio);
export const smallerCell = (cell, ratio) => Math.min(cell / 1.25, cell - 1 / ratio);

// Centres a side that fits into the room; keeps a larger one from leaving it.
export function keptInside(offset, length, room, ratio, tiled) {
  const around = tiled ? length : 0, whole = length + 2 * around;
  const start = whole <= room ? (room - whole) / 2 : Math.min(0, Math.max(room - whole, offset - around));
  return onDevice(start, ratio) + around;
}

// How far the view moves so that a cell at `offset` is in sight.
export const intoSight = (offset, cell, room) => (offset < 0 ? -offset : Math.min(0, room - offset - cell));
