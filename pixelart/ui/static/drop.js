// Sends the bytes of a dropped or chosen file to Python, which checks them.

import { mebibytes } from "./canvas/words.js";

export function start({ element, trigger, constants }) {
  const sender = new Sender(element.querySelector(".what"), trigger, constants.mostBytes);
  watchDrops(element, (files, folder) => sender.take(files, folder));
}

// Calls `take(files, name of a dropped folder)` for what is dropped on the `.drop` of `element`, or chosen by its
// input.
export function watchDrops(element, take) {
  const drop = element.querySelector(".drop"), input = element.querySelector("input");
  drop.addEventListener("click", () => input.click());
  drop.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    input.click();
  });
  input.addEventListener("click", (event) => event.stopPropagation());
  input.addEventListener("change", () => { if (input.files.length) take([...input.files]); input.value = ""; });
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    take([...event.dataTransfer.files], folderIn(event.dataTransfer.items));
  });
}

class Sender {
  newest = 0;    // number of the newest file; older ones that are still being read are not sent

  constructor(line, trigger, mostBytes) {
    Object.assign(this, { line, trigger, mostBytes });
  }

  say(text) {
    this.line.textContent = text;
  }

  async take(files, folder) {
    const mine = ++this.newest, [file] = files, refusal = refusalOf(files, folder, this.mostBytes);
    if (refusal) return this.say(refusal);
    this.say(`${file.name}, ${mebibytes(file.size)}`);
    const data = await base64Of(file).catch(() => null);
    if (mine !== this.newest) return;
    if (data === null) this.say(`${file.name} cannot be read.`);
    else this.trigger("upload", { name: file.name, data });
  }
}

// The bytes of a file, or of a part of one, in base64. Rejects what cannot be read.
export function base64Of(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

// Why these files are not sent, or "". `what`: what the .zip should hold.
export function refusalOf(files, folder, mostBytes, what = "pictures") {
  const [file] = files;
  if (folder) return `Folders are not accepted. Pack ${folder} into a .zip.`;
  if (!file) return `That is not a file. Drop a .zip of ${what}.`;
  if (files.length > 1) return `Drop one .zip. Pack the ${files.length} files into it.`;
  if (file.size > mostBytes) return `${file.name} is ${mebibytes(file.size)}; the limit is ${mebibytes(mostBytes)}.`;
  return "";
}

function folderIn(items) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.());
  return entries.find((entry) => entry?.isDirectory)?.name;
}
