"""The command line: `python -m pixelart COMMAND`, one file per command."""
