"""Measure drawn pictures against held-out real ones: `python -m benchmarks.quality --help`."""
