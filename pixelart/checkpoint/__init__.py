"""Checkpoints on disk: their files, their checks, and the library that loads them."""
