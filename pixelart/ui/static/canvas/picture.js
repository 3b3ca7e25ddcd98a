// A picture: {width, height, pixels: RGBA bytes, mask: 0 or 1 a pixel}. A place `at` is [x, y]; an index counts pixels.

export const CLEAR = [0, 0, 0, 0];

export function emptyPicture(width, height) {
  return { width, height, pixels: new Uint8ClampedArray(width * height * 4), mask: new Uint8Array(width * height) };
}

export function copyOf(picture) {
  return { ...picture, pixels: picture.pixels.slice(), mask: picture.mask.slice() };
}

const sameBytes = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

export const sameSize = (a, b) => a.width === b.width && a.height === b.height;

export function samePicture(a, b) {
  return sameSize(a, b) && sameBytes(a.mask, b.mask) && sameBytes(a.pixels, b.pixels);
}

export const bytesOf = (picture) => picture.pixels.length + picture.mask.length;

export const isInside = ({ width, height }, [x, y]) => x >= 0 && y >= 0 && x < width && y < height;

export const indexOf = ({ width }, [x, y]) => y * width + x;

export const sameCell = (a, b) => Boolean(a && b) && a[0] === b[0] && a[1] === b[1];

export const middleOf = ({ width, height }) => [width >> 1, height >> 1];

// [r, g, b, alpha]. A transparent pixel has no colour.
export function colourAt(picture, at) {
  const i = indexOf(picture, at) * 4;
  return picture.pixels[i + 3] ? [...picture.pixels.slice(i, i + 4)] : [...CLEAR];
}

export const setColour = (picture, index, colour) => picture.pixels.set(colour, index * 4);

export const setMask = (picture, index, on) => { picture.mask[index] = Number(on); };

// Whether a value from the browser's storage is a picture of at most `mostSide` pixels a side.
export function isPicture(value, mostSide) {
  const isSide = (side) => Number.isInteger(side) && side >= 1 && side <= mostSide;
  if (!isSide(value?.width) || !isSide(value?.height)) return false;
  const { pixels, mask } = value, size = value.width * value.height;
  return pixels instanceof Uint8ClampedArray && pixels.length === size * 4 &&
    mask instanceof Uint8Array && mask.length === size && mask.every((v) => v <= 1);
}
