// What Python answered goes to the canvas; canvas/inspect.js says what it is.
watch("value", () => { if (props.value) window.inspection?.answer(props.value); });
