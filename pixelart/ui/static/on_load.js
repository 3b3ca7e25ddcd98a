// gradio runs this when a component appears. It loads the component's module and calls its `start`. scripts.py writes
// COMPONENT before this: {module: address, constants, services, events}. Values that arrive before the module
// has loaded wait for it. The page's events use the services that `start` returns: each window[service] is a promise.

const waiting = [props.value];
let take = (value) => waiting.push(value);
watch("value", () => take(props.value));

const component = {
  element, props, trigger, constants: COMPONENT.constants,
  onValue(callback) {    // called with the first value and with each value from Python
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
