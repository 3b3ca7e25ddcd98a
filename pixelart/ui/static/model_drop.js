// Sends the .zip of a model to Python in parts, because a request is limited to a few MiB. Python asks for each part by
// `next`, the number of bytes it has; `select` then asks it to check and add the model.

import { mebibytes } from "./canvas/words.js";
import { base64Of, refusalOf, watchDrops } from "./drop.js";

export function start({ element, trigger, constants, onValue }) {
  const sender = new PartSender(element.querySelector(".what"), trigger, constants);
  watchDrops(element, (files, folder) => sender.take(files, folder));
  onValue((answer) => sender.answer(answer));
}

export class PartSender {
  file = null;    // the one being sent
  number = 0;     // of it; answers about earlier files are ignored

  constructor(line, trigger, { mostBytes, partBytes }, read = base64Of) {
    Object.assign(this, { line, trigger, mostBytes, partBytes, read });
  }

  say(text) {
    this.line.textContent = text;
  }

  take(files, folder) {
    const refusal = refusalOf(files, folder, this.mostBytes, "a model");
    if (refusal) return this.say(refusal);
    this.file = files[0];
    this.number++;
    return this.send(0);
  }

  answer(answer) {
    if (!answer || answer.number !== this.number || !this.file) return undefined;
    if (answer.failed) return this.end(answer.failed);
    if (answer.next < this.file.size) return this.send(answer.next);
    const { name, size } = this.file;
    this.end(`${name}, ${mebibytes(size)}`);
    return this.trigger("select", {});
  }

  end(text) {
    this.file = null;
    this.say(text);
  }

  async send(offset) {
    const { file, number } = this;
    this.say(`${file.name}: ${mebibytes(offset)} of ${mebibytes(file.size)}`);
    try {
      const data = await this.read(file.slice(offset, offset + this.partBytes));
      if (number === this.number) this.trigger("upload", { name: file.name, size: file.size, number, offset, data });
    } catch {
      if (number === this.number) this.end(`${file.name} cannot be read.`);
    }
  }
}
