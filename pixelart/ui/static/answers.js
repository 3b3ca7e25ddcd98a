// Passes Python's answers to canvas/inspect.js.
watch("value", () => { if (props.value) window.inspection?.answer(props.value); });
