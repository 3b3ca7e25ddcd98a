"""Scripts that measure the figures of the README and of model cards: `python -m benchmarks.NAME`."""

import pixelart as pixelart  # before torch: it sets how its threads wait
