"""`python -m pixelart estimate`: how long a training takes on this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from pixelart.cli.arguments import add_command, checkpoints_option, sides
from pixelart.cli.common import Json, find, say
from pixelart.devices import pick_device
from pixelart.progress import duration
from pixelart.training.efforts import EFFORTS, steps_and_saves, usual_batch_size
from pixelart.training.initialization import FROM_SCRATCH
from pixelart.training.pace import measure_pace
from pixelart.training.remote_control import stdin_control


def estimate(options: argparse.Namespace) -> Json:
    """Time some real steps, and print what the choices of the tab Train take."""
    if options.attended:
        stdin_control()
    base = find(options.checkpoints, options.base) if options.base else None
    path = base[0].library.path(base[1]) if base else None
    info = base[0].info(base[1]) if base else None
    size = (info.height, info.width) if info else options.size
    batch = options.batch_size or usual_batch_size(has_base=bool(base))
    network = {"base": path, "model": options.model, "preset": options.preset}
    pace = measure_pace(**network, size=size, batch_size=batch, device=pick_device())
    lengths = {effort: steps_and_saves(effort, has_base=bool(base))[0] for effort in EFFORTS}
    step = f"{pace.step:.2g} s" if pace.step < 10 else duration(pace.step)
    say(
        options,
        f"{step} a step, without validation and samples",
        *(f"{name}: {steps} steps, about {duration(steps * pace.step)}" for name, steps in lengths.items()),
    )
    return {**asdict(pace), "steps": lengths}


def add_commands(add: Any) -> None:
    """Add estimate."""
    command = add_command(add, "estimate", estimate, "--base studio")
    command.add_argument("--base", help="the checkpoint to fine-tune")
    command.add_argument("--model", default=FROM_SCRATCH["model"], help="or the variant of a new network")
    command.add_argument("--preset", default="", help="its size; with a base, a larger network than the base's")
    command.add_argument("--size", type=sides, default=(32, 32), help="picture size of a new network (32)")
    command.add_argument("--batch-size", type=int, default=0, help="pictures per batch (as train uses)")
    command.add_argument("--attended", action="store_true", help="for programs: end when stdin closes")
    checkpoints_option(command)
