// The temperature of a picture: for each pixel the percent of the temperature at which the model draws it. null is 100
// everywhere.

import { PLAIN, setTemperature } from "./picture.js";

// What the brush paints. Calm areas are striped and wild ones crossed, in colours that colour-blind people can tell
// apart (Okabe & Ito 2008); `lines`: of a square of the pattern, from [x, y] to [x, y] in eighths.
export const STEPS = [
  { percent: 50, word: "very calm", colour: "0, 114, 178", lines: [[0, 2, 8, 2], [0, 6, 8, 6]] },
  { percent: 70, word: "calm", colour: "0, 114, 178", lines: [[0, 4, 8, 4]] },
  { percent: 100, word: "as set", colour: null, lines: [] },
  { percent: 130, word: "wild", colour: "213, 94, 0", lines: [[0, 8, 8, 0]] },
  { percent: 160, word: "very wild", colour: "213, 94, 0", lines: [[0, 8, 8, 0], [0, 0, 8, 8]] },
];
export const WILD = 160;

export const textOf = ({ percent, word }) => `${word}, ×${percent / 100}`;

// The step that is nearest to a percent.
export const stepOf = (percent) =>
  STEPS.reduce((best, step) => (Math.abs(step.percent - percent) < Math.abs(best.percent - percent) ? step : best));

const STEP_OF = [...Array(256).keys()].map((percent) => STEPS.indexOf(stepOf(percent)));

export const temperatureAt = ({ temperature }, index) => (temperature ? temperature[index] : PLAIN);

export const hasTemperature = ({ temperature }) => Boolean(temperature?.some((percent) => percent !== PLAIN));

export function clearTemperature(picture) {
  picture.temperature = null;
}

// The pixels of a step: 0 or 1 a pixel.
export function cellsOfStep({ temperature }, step) {
  const index = STEPS.indexOf(step);
  return temperature.map((percent) => Number(STEP_OF[percent] === index));
}

export const paintTemperature = (picture, index, { percent }) => setTemperature(picture, index, percent);
