// Mouse, pen, touch and wheel on the stage: one pointer at a time draws. A tap with two fingers undoes, with three it
// redoes.

import { wrapped } from "./brush.js";
import { showPosition } from "./overlay.js";
import { Taps } from "./taps.js";

export function listenToPointer(canvas) {
  const pointer = new Pointer(canvas), { stage } = canvas;
  stage.addEventListener("pointerdown", (event) => pointer.down(event));
  stage.addEventListener("pointermove", (event) => pointer.move(event));
  for (const type of ["pointerup", "pointercancel"]) stage.addEventListener(type, (event) => pointer.release(event));
  stage.addEventListener("pointerleave", () => pointer.leave());
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("wheel", (event) => turnWheel(canvas, event), { passive: false });
}

class Pointer {
  owner = null;           // {pointerId, pointerType}: the pointer that presses the tool or pans; no other one does
  touches = new Map();    // pointer id -> [x, y] on the page
  pinch = null;           // two fingers: see `fingers`
  taps = new Taps();

  constructor(canvas) {
    this.canvas = canvas;
  }

  down(event) {
    const { canvas, touches, owner } = this, { pointerId, pointerType } = event;
    if (!canvas.picture) return;
    event.preventDefault();
    if (pointerType === "touch" && owner?.pointerType === "pen") return;    // a palm
    canvas.focusByPointer();
    canvas.cursor = null;
    canvas.stage.setPointerCapture(pointerId);
    if (pointerType === "pen") this.#dropTouches();
    if (pointerType === "touch") this.#touch(event);
    if (touches.size === 2) this.#startPinch();
    else if (!this.owner && !canvas.strokes.isOpen && touches.size < 2) this.#press(event);
  }

  #press(event) {
    const { canvas } = this, { pointerId, pointerType, clientX, clientY, button } = event;
    this.owner = { pointerId, pointerType };
    if (button === 1 || canvas.isSpaceHeld) canvas.panning = [clientX, clientY];
    else canvas.strokes.press(event, canvas.view.cellAt(event));
  }

  move(event) {
    const { canvas, touches, owner } = this, { pointerId, pointerType } = event;
    if (!canvas.picture) return;
    if (touches.has(pointerId)) {
      touches.set(pointerId, [event.clientX, event.clientY]);
      this.taps.move(pointerId, [event.clientX, event.clientY]);
    }
    if (this.pinch && touches.size === 2) return this.#movePinch();
    if (owner ? owner.pointerId !== pointerId : pointerType === "touch") return;
    if (canvas.panning) return this.#pan(event);
    // a move event without movement: the page has moved below the pointer
    if (canvas.strokes.isByKey || (canvas.cursor && !event.movementX && !event.movementY)) return;
    const at = canvas.view.cellAt(event);
    canvas.cursor = null;
    this.#showPosition(at, pointerType);
    if (canvas.strokes.isOpen) canvas.strokes.moveTo(at, event);
    else canvas.view.drawCursor();
  }

  leave() {
    this.canvas.hover = null;
    showPosition(this.canvas, "");
    this.canvas.view.drawCursor();
  }

  #touch({ pointerId, clientX, clientY, timeStamp }) {
    this.touches.set(pointerId, [clientX, clientY]);
    this.taps.down(pointerId, [clientX, clientY], timeStamp);
  }

  release({ pointerId, type, timeStamp }) {
    const { canvas, touches } = this, isUp = type === "pointerup";
    if (this.owner?.pointerId === pointerId) this.#letGo(isUp);
    if (!touches.delete(pointerId)) return;
    if (touches.size < 2) this.pinch = null;
    if (!isUp) return this.taps.cancel(pointerId);
    const fingers = this.taps.up(pointerId, timeStamp);
    if (fingers === 2) canvas.undo();
    if (fingers === 3) canvas.redo();
  }

  // Ends the press of the owner; `isKept`: what it has done stays.
  #letGo(isKept) {
    const { canvas, canvas: { strokes, tool } } = this;
    this.owner = canvas.panning = null;
    if (isKept) strokes.end();
    else strokes.cancel();
    (isKept ? tool.release : tool.cancel)?.(canvas);
  }

  // A finger is no longer the owner: what it has done is undone.
  #takeBack() {
    if (this.touches.has(this.owner?.pointerId)) this.#letGo(false);
  }

  // A pen is down, so fingers are a palm.
  #dropTouches() {
    this.#takeBack();
    this.touches.clear();
    this.pinch = null;
    this.taps = new Taps();
  }

  #pan({ clientX, clientY }) {
    const [x, y] = this.canvas.panning;
    this.canvas.view.panBy(clientX - x, clientY - y);
    this.canvas.panning = [clientX, clientY];
  }

  // A second finger means zoom, pan or a tap, so what the first one has done is undone. It has made no undo step but
  // that of floating pixels, which it puts down.
  #startPinch() {
    this.#takeBack();
    this.pinch = this.#fingers();
  }

  #fingers() {
    const [[ax, ay], [bx, by]] = [...this.touches.values()], box = this.canvas.stage.getBoundingClientRect();
    const middle = [(ax + bx) / 2 - box.left, (ay + by) / 2 - box.top];
    return { gap: Math.hypot(ax - bx, ay - by) || 1, middle, cell: this.canvas.view.position.cell };
  }

  #movePinch() {
    const { view } = this.canvas, { pinch } = this, { gap, middle } = this.#fingers();
    view.panBy(middle[0] - pinch.middle[0], middle[1] - pinch.middle[1]);
    if (Math.abs(gap / pinch.gap - 1) > 0.04) view.zoomTo(pinch.cell * gap / pinch.gap, middle);
    this.pinch = { ...pinch, middle };
  }

  #showPosition(at, kind) {
    const { canvas } = this, inside = canvas.brush.tiled || canvas.isInside(at);
    canvas.hover = inside && kind !== "touch" ? at : null;
    canvas.tool.point?.(canvas, at);
    showPosition(canvas, inside ? wrapped(canvas.picture, at).join(", ") : "");
  }
}

// Once the whole picture is visible, zooming out further scrolls the page.
function turnWheel({ picture, view, stage }, event) {
  const { deltaX, deltaY } = event;
  if (!picture || (deltaY > 0 && view.position.cell <= view.fittingCell)) return;
  event.preventDefault();
  const box = stage.getBoundingClientRect(), centre = [event.clientX - box.left, event.clientY - box.top];
  if (event.shiftKey || Math.abs(deltaX) > Math.abs(deltaY)) view.panBy(-deltaX || -deltaY, 0);
  else if (deltaY < 0) view.zoomIn(centre);
  else view.zoomOut(centre);
}
