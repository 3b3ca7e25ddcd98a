"""Parse picture files before decoding: keep what the pixels need, and drop the rest."""
