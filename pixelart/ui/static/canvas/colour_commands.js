// The commands of the panel of colours and of the temperature, as in commands.js.

import { clearTemperature } from "./temperature.js";

function sort({ swatches, exchange }) {
  swatches.setSorted(!swatches.isSorted);
  exchange.publish();
}

export const COLOUR_COMMANDS = [
  {
    name: "picker", label: "Colour picker", title: "Choose any colour, make a ramp", keys: ["j"], run: ({ picker }) => picker.open(),
    icon: '<path d="M8 1.500a6.500 6.500 0 100 13c1.500 0 1.500-1.300 1-2s0-2 1.500-2h2c1.500 0 2-1 2-2.500 0-3.600-2.900-6.500-6.500-6.500z"/>' +
      '<path d="M4.200 7h1.600v1.600H4.200zM7.200 4h1.600v1.600H7.200zM10.400 5.500H12v1.600h-1.600z" class="solid"/>',
  },
  {
    name: "ramps", label: "Sort in ramps", title: "Sort in ramps: grays, then hues, each from light to dark", keys: ["shift+s"],
    pressed: false, run: sort,
    icon: '<path d="M2 3.500h12M2 8h8M2 12.500h4"/>',
  },
  {
    name: "loadPalette", label: "Load a palette", note: () => ".hex, .gpl, .pal, .txt or a PNG of its colours",
    keys: ["shift+a"], run: (canvas) => canvas.$(".palette-file").click(),
    icon: '<path d="M2 10.5V14h12v-3.5M8 10.5V2M4.8 5.2L8 2l3.2 3.2"/>',
  },
  {
    name: "removeOwn", label: "Remove from My colours", title: "Remove the chosen colour from My colours", keys: ["ctrl+backspace"],
    run: ({ swatches }) => swatches.removeOwn(), icon: '<path d="M2 2h12v12H2z"/><path d="M5 8h6"/>',
  },
  {
    name: "clearOwn", label: "Clear My colours", title: "Clear My colours: remove all", keys: ["ctrl+shift+backspace"],
    run: ({ swatches }) => swatches.clearOwn(),
    icon: '<path d="M2 2h12v12H2z"/><path d="M5.500 5.500l5 5M10.500 5.500l-5 5"/>',
  },
  {
    name: "recolour", label: "Recolour the picture", title: "Recolour: the nearest colours of a palette, with a preview",
    keys: ["shift+j"], run: ({ recolour }) => recolour.open(),
    icon: '<path d="M2 2h5v5H2zM9 9h5v5H9z" class="solid"/><path d="M9.500 4.500H12v2M6.500 11.500H4v-2"/>',
  },
  {
    name: "lock", label: "Draw only these", title: "Draw only these: the model uses no colours but the shown ones",
    keys: ["shift+k"], pressed: false, run: ({ swatches }) => swatches.lock(!swatches.isLocked),
    icon: '<path d="M3 7.500h10v6.500H3z"/><path d="M5 7.500V5a3 3 0 016 0v2.500"/>',
  },
  {
    name: "clearTemperature", label: "Clear temperature", title: "Clear temperature: the same everywhere", keys: ["shift+q"],
    menu: "mask", run: (canvas) => canvas.edit(clearTemperature),
    icon: '<path d="M5 9V3a1.500 1.500 0 013 0v6a3 3 0 11-3 0z"/><path d="M10.500 3.500l4 4M14.500 3.500l-4 4"/>',
  },
];
