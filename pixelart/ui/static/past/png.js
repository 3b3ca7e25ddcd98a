// Text chunks of PNG files: the settings of our pictures.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const MOST_TEXT = 2 ** 22;

// CRC-32, as PNG and ZIP use it.
export function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ -1) >>> 0;
}

const latin = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const latinBytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const isPng = (bytes) => SIGNATURE.every((byte, i) => bytes[i] === byte);

// [kind, data] of each chunk up to the end or the first damage.
export function* chunksOf(bytes) {
  const view = viewOf(bytes);
  for (let at = SIGNATURE.length; at + 12 <= bytes.length;) {
    const length = view.getUint32(at), end = at + 12 + length;
    if (end > bytes.length) return;
    yield [latin(bytes.subarray(at + 4, at + 8)), bytes.subarray(at + 8, at + 8 + length)];
    at = end;
  }
}

// The text that a PNG has under a key, or null.
export function textIn(bytes, key) {
  if (!isPng(bytes)) return null;
  for (const [kind, data] of chunksOf(bytes)) {
    const end = data.indexOf(0);
    if (data.length > MOST_TEXT || end < 0 || latin(data.subarray(0, end)) !== key) continue;
    if (kind === "tEXt") return latin(data.subarray(end + 1));
    if (kind === "iTXt" && data[end + 1] === 0) return plainText(data.subarray(end + 3));
  }
  return null;
}

// Of an iTXt chunk, after its compression flag: language, translated key and text.
function plainText(data) {
  const language = data.indexOf(0), key = data.indexOf(0, language + 1);
  return new TextDecoder().decode(data.subarray(key + 1));
}

// The settings that one of our pictures carries, as JSON text, or null.
export function settingsIn(bytes) {
  const text = textIn(bytes, "pixelart");
  try {
    const settings = JSON.parse(text);
    return settings && typeof settings.checkpoint === "string" ? text : null;
  } catch {
    return null;
  }
}

// [width, height] of a PNG.
export function sizeOf(bytes) {
  const view = viewOf(bytes);
  return isPng(bytes) && bytes.length >= 24 ? [view.getUint32(16), view.getUint32(20)] : [0, 0];
}

// The PNG with a text chunk, after its header. The text is ASCII, as Python's JSON is.
export function withText(bytes, key, text) {
  const body = latinBytes(`tEXt${key}\0${text}`), header = SIGNATURE.length + 25;
  const made = new Uint8Array(bytes.length + body.length + 8), view = viewOf(made);
  made.set(bytes.subarray(0, header));
  view.setUint32(header, body.length - 4);
  made.set(body, header + 4);
  view.setUint32(header + 4 + body.length, crc32(body));
  made.set(bytes.subarray(header), header + 8 + body.length);
  return made;
}
