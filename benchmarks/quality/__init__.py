"""How good drawn pictures are, beside real ones that no training has seen: `python -m benchmarks.quality --help`."""
