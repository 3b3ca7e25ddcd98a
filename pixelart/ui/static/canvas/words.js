// Texts that are made of values.

export const mebibytes = (bytes) => Number((bytes / 2 ** 20).toFixed(1)) + " MiB";

export const percent = (p) => (p < 0.001 ? "<0.1" : p < 0.0995 ? (p * 100).toFixed(1) : (p * 100).toFixed(0)) + " %";

// A key as a tooltip names it: "Ctrl+Shift+Z".
export const keyName = (key) => key.split("+").map((part) => part && part[0].toUpperCase() + part.slice(1)).join("+");
