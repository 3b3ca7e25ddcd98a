"""`python -m pixelart`, and the command `pixelart` of an installed package."""

from pixelart.shutdown import interruptible, leave, leave_on_interrupt
from pixelart.system.streams import secure_streams


def run() -> None:
    """Run the program and return its exit code. Slow imports come after Ctrl+C is handled."""
    leave_on_interrupt()
    secure_streams()
    import sys

    from pixelart.training.remote_control import stdin_control

    if "--attended" in sys.argv:
        stdin_control()  # before the slow imports: the parent process may end during them

    from pixelart.cli.main import load, main

    load(sys.argv[1:])
    with interruptible():
        code = main()
    leave(code)


if __name__ == "__main__":
    run()
