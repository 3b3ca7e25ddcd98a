// Passes Python's answers to canvas/inspect.js.

export function start({ onValue }) {
  onValue(async (answer) => { if (answer) (await window.inspection)?.answer(answer); });
}
