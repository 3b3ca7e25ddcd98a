"""`python -m pixelart`."""

import sys

from pixelart.training.attended import orders_of_stdin

if "--attended" in sys.argv:
    orders_of_stdin()  # at once: the imports below take seconds, and who started this may be gone meanwhile

from pixelart.cli import main

sys.exit(main())
