// Pictures as PNG, by the browser's own encoder and decoder.

function sheet(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

// {width, height, pixels} as a PNG.
export function blobOf({ width, height, pixels }) {
  const canvas = sheet(width, height);
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels), width, height), 0, 0);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}

// The pixels of a picture file. Colours may differ a little (colour management, half-transparent pixels).
export async function pixelsIn(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }), { width, height } = bitmap;
  const pen = sheet(width, height).getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  return { width, height, pixels: pen.getImageData(0, 0, width, height).data };
}
