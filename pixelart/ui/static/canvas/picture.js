// A picture: {width, height, pixels: RGBA bytes, mask: 0 or 1 a pixel, selection: 0 or 1 a pixel, or null, temperature:
// percents, or null (see temperature.js)}. A place `at` is [x, y]; an index counts pixels. A selection is replaced and
// never changed, so copies share it.

export const CLEAR = [0, 0, 0, 0];
export const PLAIN = 100;    // the percent of a temperature that is not painted

export function emptyPicture(width, height) {
  const size = width * height;
  const layers = { pixels: new Uint8ClampedArray(size * 4), mask: new Uint8Array(size) };
  return { width, height, ...layers, selection: null, temperature: null };
}

export function copyOf(picture) {
  const { pixels, mask, temperature = null } = picture;
  return { ...picture, pixels: pixels.slice(), mask: mask.slice(), temperature: temperature && temperature.slice() };
}

export function sameBytes(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

// Whether two layers, which may be null, are the same.
export const sameLayer = (a, b) => (a && b ? a === b || sameBytes(a, b) : !a === !b);

export const sameSize = (a, b) => a.width === b.width && a.height === b.height;

export function samePicture(a, b) {
  return sameSize(a, b) && sameLayer(a.selection, b.selection) && sameLayer(a.temperature, b.temperature) &&
    sameBytes(a.mask, b.mask) && sameBytes(a.pixels, b.pixels);
}

export const bytesOf = ({ pixels, mask, selection, temperature }) =>
  pixels.length + mask.length + (selection?.length || 0) + (temperature?.length || 0);

export const isInside = ({ width, height }, [x, y]) => x >= 0 && y >= 0 && x < width && y < height;

export const indexOf = ({ width }, [x, y]) => y * width + x;

export const sameCell = (a, b) => Boolean(a && b) && a[0] === b[0] && a[1] === b[1];

export const middleOf = ({ width, height }) => [width >> 1, height >> 1];

// [r, g, b, alpha]. A transparent pixel has no colour.
export function colourAt(picture, at) {
  const i = indexOf(picture, at) * 4;
  return picture.pixels[i + 3] ? [...picture.pixels.slice(i, i + 4)] : [...CLEAR];
}

// A selection without pixels, as of floating ones outside the picture, would lock every pixel: it becomes null.
export const withoutEmptySelection = (picture) =>
  picture.selection && !picture.selection.includes(1) ? { ...picture, selection: null } : picture;

// Tools change only selected pixels, if there is a selection.
const isLocked = ({ selection }, index) => selection && !selection[index];

export function setColour(picture, index, colour) {
  if (isLocked(picture, index)) return;
  const { pixels } = picture, i = index * 4;
  for (let c = 0; c < 4; c++) pixels[i + c] = colour[c];
}

export const setMask = (picture, index, on) => { if (!isLocked(picture, index)) picture.mask[index] = Number(on); };

export function setTemperature(picture, index, percent) {
  if (isLocked(picture, index) || (!picture.temperature && percent === PLAIN)) return;
  picture.temperature ||= new Uint8Array(picture.mask.length).fill(PLAIN);
  picture.temperature[index] = percent;
}

// Whether a value from the browser's storage is a picture of at most `mostSide` pixels a side.
export function isPicture(value, mostSide) {
  const isSide = (side) => Number.isInteger(side) && side >= 1 && side <= mostSide;
  if (!isSide(value?.width) || !isSide(value?.height)) return false;
  const { pixels, mask, selection, temperature } = value, size = value.width * value.height;
  const areBits = (bytes) => bytes instanceof Uint8Array && bytes.length === size && bytes.every((v) => v <= 1);
  return pixels instanceof Uint8ClampedArray && pixels.length === size * 4 &&
    areBits(mask) && (!selection || areBits(selection)) &&
    (!temperature || (temperature instanceof Uint8Array && temperature.length === size));
}
