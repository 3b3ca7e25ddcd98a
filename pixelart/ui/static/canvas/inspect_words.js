// The texts of Inspect about a pixel and a picture. `surprise` is undefined until it is known.

import { nameOf } from "./colours.js";
import { percent } from "./words.js";

export const totalText = ({ total, given }) => `Surprise of the picture: ${total.toFixed(0)}` + (given ? ` as ${given}` : "");

export function classesText(classes) {
  return classes.length > 1 ? "Class: " + classes.map(([name, p]) => name + " " + percent(p)).join(" · ") : "";
}

export function pixelText(spot, surprise, answer) {
  const start = spot.join(", ") + (surprise === undefined ? "" : ` · surprise ${surprise.toFixed(2)}`);
  if (!answer) return `${start} · …`;
  if (answer.error) return `${start} · ${answer.error}`;
  const { current, exact, bound } = answer;
  const rest = exact ? "" : ` · approximate: others have up to ${percent(bound)}`;
  return `${start} · now ${nameOf(current.colour)} ${percent(current.probability)}${rest}`;
}

export function spokenText(spot, surprise, { error, likely = [], current, exact }) {
  const place = spot.join(", ");
  if (error) return `${place}. ${error}`;
  const known = surprise === undefined ? "" : `, surprise ${surprise.toFixed(1)}`;
  const list = likely.map((chance) => `${nameOf(chance.colour)} ${percent(chance.probability)}`).join(", ");
  return `${place}${known}, ${nameOf(current.colour)}. Most probable${exact ? "" : ", about"}: ${list}`;
}

export function chanceText(chance, isThere) {
  return (chance ? `Paint ${nameOf(chance.colour)}, ${percent(chance.probability)}` : "") + (isThere ? " (it has this colour)" : "");
}
