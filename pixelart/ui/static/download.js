// Saves {name, type, data: base64} as a file on the visitor's machine.

import { decode } from "./canvas/value.js";

const KEPT = 10000;    // milliseconds until the browser may forget the file

export function start({ onValue }) {
  onValue((file) => { if (file?.data) save(file); });
}

const save = ({ name, type, data }) => saveBlob(name, new Blob([decode(data)], { type }));

export function saveBlob(name, blob) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT);
}
