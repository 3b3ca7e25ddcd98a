"""`python -m pixelart`."""

from pixelart.leaving import interruptible, leave, leave_when_interrupted
from pixelart.streams import secure_streams

if __name__ == "__main__":
    leave_when_interrupted()  # at once: the imports below take seconds
    secure_streams()

import sys

from pixelart.training.attended import orders_of_stdin

if "--attended" in sys.argv:
    orders_of_stdin()  # at once, too: who started this may be gone meanwhile

from pixelart.cli import main

with interruptible():
    code = main()
leave(code)
