"""The tab Create: canvas, drawing, palettes, export, Inspect."""
