"""Scripts that print the figures of the README and the cards: `python -m benchmarks.NAME`."""
