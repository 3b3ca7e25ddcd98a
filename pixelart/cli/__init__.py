"""The terminal: `python -m pixelart COMMAND`, one file a command."""
