// A toolbar is one stop of the Tab key; the arrows go from one button to the next, Home and End to the ends.

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

const buttonsOf = (bar) => [...bar.querySelectorAll("button")].filter((button) => !button.disabled);

// The button that Tab comes to: where the bar was left, else the chosen tool, else the first.
function setStop(bar, wanted) {
  const all = buttonsOf(bar), stop = all.includes(wanted) ? wanted : bar.querySelector("[data-tool].on") || all[0];
  for (const button of bar.querySelectorAll("button")) button.tabIndex = button === stop ? 0 : -1;
}

for (const bar of $$('[role="toolbar"]')) {
  setStop(bar);
  bar.addEventListener("focusin", ({ target }) => { if (target.tagName === "BUTTON") setStop(bar, target); });
  bar.addEventListener("keydown", (event) => {
    const all = buttonsOf(bar), at = all.indexOf(event.target), step = STEPS[event.key];
    if (at < 0 || (!step && event.key !== "Home" && event.key !== "End")) return;
    event.preventDefault();
    event.stopPropagation();
    (event.key === "Home" ? all[0] : event.key === "End" ? all.at(-1) : all[(at + step + all.length) % all.length]).focus();
  });
}
