// One canvas of the page: the picture, its history, the chosen tool, and the parts that show and change them. All
// state lies in this object and its parts, so that a page may have several canvases.

import { changedPicture } from "./documents.js";
import { Exchange } from "./exchange.js";
import { Floating } from "./floating.js";
import { History } from "./history.js";
import { Importing } from "./importing.js";
import { Inspect } from "./inspect.js";
import { Keeper } from "./keeper.js";
import { Levels } from "./levels.js";
import { Pages } from "./pages.js";
import { Picker } from "./picker.js";
import { colourAt, copyOf, isInside, samePicture } from "./picture.js";
import { Recolour } from "./recolour.js";
import { Strokes } from "./strokes.js";
import { Swatches } from "./swatches.js";
import { commandButton, setPressed, showChosenTool } from "./toolbars.js";
import { toolNamed } from "./tools.js";
import { View } from "./view.js";
import { ModelWindow } from "./window.js";

const MOST_BRUSH = 16;

export class Canvas {
  picture = null;              // the shown picture; during a drawing, its latest frame
  history = new History();
  brush = { colour: null, percent: 100, size: 1, mirror: false, mirrorY: false, filled: false, tiled: false };
  sizes = {};                  // name of a tool -> its brush size
  copied = null;               // the piece that Paste pastes
  newSize = [32, 32];          // width and height of a new picture
  cursor = null;               // the pixel that the keys paint
  hover = null;                // the pixel under the pointer
  panning = null;              // last place of the panning pointer on the page
  isSpaceHeld = false;
  isPointerDown = false;       // while the pointer gives the stage the focus

  constructor({ element, props, trigger, constants }, tools, commands) {
    Object.assign(this, { element, props, trigger, tools, commands, limits: constants.limits });
    this.knownPalettes = constants.palettes;
    this.tool = this.toolBefore = tools[0];
    this.leaving = new AbortController();
    this.stage = this.$(".stage");
    this.view = new View(this);
    this.swatches = new Swatches(this);
    this.picker = new Picker(this);
    this.recolour = new Recolour(this);
    this.levels = new Levels(this);
    this.strokes = new Strokes(this);
    this.floating = new Floating(this);
    this.modelWindow = new ModelWindow(this);
    this.importing = new Importing(this);
    this.pages = new Pages(this);
    this.exchange = new Exchange(this);
    this.keeper = new Keeper(this);
    this.inspect = new Inspect(this, constants.ramp);
  }

  $(selector) { return this.element.querySelector(selector); }
  $$(selector) { return [...this.element.querySelectorAll(selector)]; }

  // Whether the model is drawing.
  get isBusy() { return this.exchange.beforePreview !== null; }
  get canEdit() {
    return Boolean(this.picture) && !this.isBusy && !this.strokes.isOpen && !this.recolour.isOpen;
  }
  get isShown() { return this.stage.clientWidth > 0; }

  // Listens to the page until the canvas is removed from it.
  onPage(type, handler) {
    const whileThere = (event) => (this.element.isConnected ? handler(event) : this.leaving.abort());
    document.addEventListener(type, whileThere, { signal: this.leaving.signal });
  }

  // Focuses the stage without the help text of keyboard focus.
  focusByPointer() {
    this.isPointerDown = true;
    this.stage.focus({ preventScroll: true });
    this.isPointerDown = false;
  }

  isInside(at) { return isInside(this.picture, at); }

  say(text, time = 4000) {
    const message = this.$(".message");
    message.textContent = text;
    clearTimeout(this.sayTimer);
    this.sayTimer = setTimeout(() => { message.textContent = ""; }, time);
  }

  // Makes one undo step out of everything that changed since `before`.
  addStep(before) {
    if (!samePicture(before, this.picture)) this.history.add(before);
    this.exchange.publish();
  }

  edit(change) {
    if (!this.canEdit) return;
    this.floating.putDown();
    const before = copyOf(this.picture);
    change(this.picture);
    this.addStep(before);
    this.view.refresh();
  }

  undo() { this.#travel((now) => this.history.undo(now)); }
  redo() { this.#travel((now) => this.history.redo(now)); }

  #travel(step) {
    if (!this.canEdit) return;
    this.floating.putDown();
    const before = this.picture, next = step(before);
    if (!next) return;
    this.picture = next;
    this.exchange.publish();
    this.view.show(before);
  }

  // Puts `make(picture)`, of any size, in the picture's place.
  replace(make) {
    if (!this.canEdit) return;
    this.floating.putDown();
    const before = this.picture;
    this.picture = make(before);
    this.addStep(before);
    this.view.show(before);
  }

  // Flips or turns (a name of CHANGES) the selected pixels; without a selection, the picture.
  change(name) {
    if (!this.canEdit) return;
    if (!this.picture.selection) return this.replace((picture) => changedPicture(picture, name));
    this.floating.change(name);
    this.exchange.publish();
  }

  // Chooses the exact colour of a pixel, even if the model does not have it.
  pick(at) {
    if (this.isInside(at)) this.swatches.choose(colourAt(this.picture, at));
  }

  setTool(tool) {
    const before = this.tool;
    this.tool = tool;
    if (!tool.selects) this.floating.putDown();
    this.setBrushSize(this.sizes[tool.name] || 1);
    if (tool.toggles && before !== tool) this.toolBefore = before;
    this.stage.style.setProperty("--cursor", tool.cursor || "crosshair");
    showChosenTool(this);
    tool.enter?.(this);
    if (before !== tool) before.leave?.(this);
    this.view.drawOverlay();
  }

  // Chooses a tool, as its button or key does.
  press(name) {
    const tool = toolNamed(this.tools, name);
    this.setTool(tool.toggles && tool === this.tool ? this.toolBefore : tool);
  }

  setBrushSize(size) {
    this.brush.size = this.sizes[this.tool.name] = Math.min(MOST_BRUSH, Math.max(1, size));
    this.$(".size").value = this.brush.size;
    this.$(".size-text").textContent = this.brush.size;
    this.view.drawOverlay();
  }

  // Switches `mirror`, `mirrorY` or `filled` of the brush; the command has the same name.
  setBrush(name, on) {
    this.brush[name] = on;
    this.setSwitch(name, on);
  }

  // Shows whether a command that is a switch is on.
  setSwitch(name, on) {
    setPressed(commandButton(this, name), on);
    this.view.drawOverlay();
  }
}
