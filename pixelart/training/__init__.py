"""Reads data and a config, writes checkpoints."""
