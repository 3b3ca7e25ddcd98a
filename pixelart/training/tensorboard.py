"""Training curves for TensorBoard (optional package)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pixelart.errors import RequestRejected
from pixelart.training.trainer import Trainer


@contextmanager
def open_board(folder: Path | None, trainer: Trainer) -> Iterator[Callable[[Trainer], None]]:
    """A function to call after each step: it writes the step's bits and learning rate, and new validation results.

    Without a folder it does nothing. Steps repeated after a resume replace the earlier ones.

    Raises:
        RequestRejected: TensorBoard is not installed.
    """
    if folder is None:
        yield lambda _: None
        return
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError as error:
        raise RequestRejected("curves need the package tensorboard: pip install tensorboard") from error
    written = len(trainer.rows)
    with SummaryWriter(str(folder), purge_step=trainer.step + 1) as writer:

        def show_measured(current: Trainer) -> None:
            nonlocal written
            for row in current.rows[written:]:
                for name, value in row.items():
                    if name not in ("step", "minutes"):
                        writer.add_scalar(f"measured/{name}", value, row["step"])
            written = len(current.rows)

        def show(current: Trainer) -> None:
            show_measured(current)
            writer.add_scalar("step/train_bits", current.last_bits, current.step)
            writer.add_scalar("step/learning_rate", current.train_state.learning_rate, current.step)

        yield show
        show_measured(trainer)
