"""Scripts that print the figures of the README and the cards: `python -m benchmarks.NAME`."""

import pixelart as pixelart  # before torch: it sets how its threads wait
