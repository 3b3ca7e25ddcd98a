"""`python -m pixelart`, and the command `pixelart` of an installed package."""

from pixelart.shutdown import interruptible, leave, leave_when_interrupted
from pixelart.system.streams import secure_streams


def run() -> None:
    """The program, from its first import to its exit code. Imports that take seconds come once Ctrl+C is heeded."""
    leave_when_interrupted()
    secure_streams()
    import sys

    from pixelart.training.remote_control import stdin_control

    if "--attended" in sys.argv:
        stdin_control()  # at once, too: who started this may be gone meanwhile

    from pixelart.cli.main import main

    with interruptible():
        code = main()
    leave(code)


if __name__ == "__main__":
    run()
