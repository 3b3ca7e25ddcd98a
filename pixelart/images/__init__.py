"""Pictures as pixels: files, colours, palettes, masks, sprite sheets. No networks."""
