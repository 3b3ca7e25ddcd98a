// Draws the model's window over a larger picture, and the line that says what Complete will use.

const OUTSIDE = "rgba(12, 12, 20, .38)";

// `inUnits(scene, unit)`: see overlay.js.
export function drawWindow(scene, inUnits) {
  const { view, pen, cell, picture } = scene, { canvas } = view, { shown } = canvas.modelWindow;
  const line = canvas.$(".window-line"), text = canvas.modelWindow.lineFor(shown);
  if (line.textContent !== text) line.textContent = text;
  if (!shown) return;
  inUnits(scene, 1);
  const box = [shown.x, shown.y, shown.width, shown.height].map((length) => length * cell);
  if (canvas.tool.name === "window") shadeOutside(pen, box, picture.width * cell, picture.height * cell);
  for (const [style, width] of [["#fff", 4], [shown.isUsed ? "#4a47d8" : "#55575f", 2]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.setLineDash(shown.isUsed || width === 4 ? [] : [6, 4]);
    pen.strokeRect(...box);
  }
  pen.setLineDash([]);
}

function shadeOutside(pen, box, width, height) {
  pen.beginPath();
  pen.rect(0, 0, width, height);
  pen.rect(...box);
  pen.fillStyle = OUTSIDE;
  pen.fill("evenodd");
}
