"""`python -m pixelart`."""

import sys

from pixelart.cli import main

sys.exit(main())
