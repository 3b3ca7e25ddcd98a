// What gradio runs when a component appears: it loads the component's module and calls its `start`. scripts.py writes
// COMPONENT before this: {module: address, constants, services, events}. Values that arrive before the module is there
// wait for it. What `start` returns is offered to the page's events: window[service] is a promise of each.

const waiting = [props.value];
let take = (value) => waiting.push(value);
watch("value", () => take(props.value));

const component = {
  element, props, trigger, constants: COMPONENT.constants,
  onValue(callback) {    // called with the first value and each one that Python sends
    take = callback;
    waiting.splice(0).forEach(callback);
  },
};
const module = import(new URL(COMPONENT.module, document.baseURI));
const started = module.then(({ start }) => start(component)).catch((error) => {
  console.error(error);
  element.textContent = "This part of the page could not be loaded. Reload the page.";
});
for (const name of COMPONENT.services) window[name] = started.then((services) => services?.[name]);
