"""`python -m pixelart train` and `export`: start or continue a run, and make a checkpoint of it."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, get_args

from tqdm import tqdm

from pixelart.cli.arguments import HF_JOBS, add_command, add_remote_options, checkpoints_option, data_options
from pixelart.cli.common import Json, check_out_folder, find, say
from pixelart.cli.prepared import PREPARED_FILE, prepare_pictures
from pixelart.errors import Cancelled, RequestRejected
from pixelart.images.palette_files import read_palette_file
from pixelart.models import get_variant
from pixelart.progress import OnProgress, ignore_progress
from pixelart.training.config import FINE_TUNING, Schedule
from pixelart.training.distributed import Processes, find_processes
from pixelart.training.export import export_run
from pixelart.training.failures import explain_failures, is_short, too_short
from pixelart.training.initialization import FROM_SCRATCH, NewClasses
from pixelart.training.options import KINDS, OFFERED
from pixelart.training.progress_file import ProgressWriter
from pixelart.training.remote_control import ControlPipe, stdin_control
from pixelart.training.run_config import RUN_FILE, PaletteOf
from pixelart.training.runs import check_name, join_run, resume_run, start_run
from pixelart.training.tensorboard import open_board
from pixelart.training.trainer import Trainer

_log = logging.getLogger(__name__)
MORE = "--resume with more --steps or --minutes continues"
START_OPTIONS = (*FROM_SCRATCH, "palette", "fit", "frames")


def train(options: argparse.Namespace) -> Json | None:
    """Start or continue a run; Ctrl+C saves and stops."""
    if options.on:
        from pixelart.cli.remote import train_on_jobs  # imported here, because it loads the client of the Hub

        return train_on_jobs(options)
    for name in ("flavor", "limit", "yes"):
        if getattr(options, name):
            raise RequestRejected(f"--{name}: only for a rented machine; give --on {HF_JOBS} too")
    with ExitStack() as stack:
        remote = _remote_control(options, stack) if options.attended else None
        trainer = stack.enter_context(open_run(options, on_progress=remote[1].read if remote else ignore_progress))
        if not trainer.processes.is_first:
            run_until_stopped(trainer, lambda _: None)
            return None
        say(options, _execution(trainer))
        show = stack.enter_context(open_board(options.tensorboard, trainer))
        if remote:
            _train_remotely(trainer, *remote, show)
        else:
            _train_with_a_bar(trainer, show)
    measured = trainer.rows and trainer.rows[-1]["step"] == trainer.step
    last = trainer.rows[-1] if measured else {"step": trainer.step}
    finished = trainer.progress() >= 1
    say(options, ", ".join(f"{key} {value}" for key, value in last.items()))
    if finished and is_short(trainer.passes):
        say(options, f"{too_short(trainer.step)}, {trainer.passes:.0%} of the pictures; {MORE}")
    return {"run": str(options.out), "finished": finished, "passes": round(trainer.passes, 3), **last}


def export(options: argparse.Namespace) -> Json:
    """Make a checkpoint of a run."""
    check_name(options.name)
    check_out_folder(options.checkpoints, option="checkpoints")
    target = export_run(options.run_folder, options.checkpoints / options.name)
    say(options, f"wrote {target}")
    return {"checkpoint": str(target)}


def open_run(
    options: argparse.Namespace, *, processes: Processes | None = None, on_progress: OnProgress = ignore_progress
) -> AbstractContextManager[Trainer]:
    """Open the run that the options of `train` describe: a new one or, with --resume, the saved one.

    The run is locked inside the context. `processes`: the processes that train it; None = detect them. `on_progress`:
    called with the number of files read and the total.

    Raises:
        PixelArtError: options, data or a run that cannot be used; some of these are raised on entering the context.
    """
    processes = processes or find_processes()
    was_rented = options.resume and (options.out / PREPARED_FILE).exists()
    if not processes.is_first:
        data = options.out / PREPARED_FILE if was_rented else options.data
        return join_run(options.out, data, processes=processes)
    check_out_folder(options.out)
    if options.tensorboard:
        check_out_folder(options.tensorboard, option="tensorboard")
    given = {name: getattr(options, name) for name in OFFERED}
    given = {name: value for name, value in given.items() if value is not None}
    start = {name: getattr(options, name) for name in START_OPTIONS if getattr(options, name) is not None}
    if options.colours_from:
        colours = read_palette_file(options.colours_from)
        start["colours_from"] = tuple(bytes(colour).hex() for colour in colours.tolist())
    base = find(options.checkpoints, options.base) if options.base else None
    if base:
        start["base"] = base[0].library.folder / base[1]
    if options.resume and (options.out / RUN_FILE).exists():  # a saved run does not need its base
        given, data = {**given, **start, "processes": processes.count}, options.data
        if was_rented:  # its pictures are already fitted
            data = prepare_pictures(options, on_progress=on_progress)
            given = {name: value for name, value in given.items() if name not in ("fit", "frames")}
        return resume_run(options.out, data, given=given, processes=processes, on_progress=on_progress)
    if options.resume and not given.keys() & {"steps", "minutes"}:
        raise RequestRejected(f"{options.out}: there is no run to continue; a new one needs --steps or --minutes")
    if base:
        start["base"] = base[0].library.path(base[1])
    variant = get_variant(start.get("model", FROM_SCRATCH["model"]))
    usual = FINE_TUNING if base else {"learning_rate": variant.model.learning_rate}
    schedule = Schedule(**{**usual, **given, "processes": processes.count})
    more = {"new_classes": options.new_classes, "processes": processes, "on_progress": on_progress}
    return start_run(options.out, options.data, **start, **more, schedule=schedule)


def run_until_stopped(
    trainer: Trainer,
    report: Callable[[Trainer], None],
    *,
    stop: Callable[[], bool] = lambda: False,
    interrupt: Callable[[], bool] = lambda: False,
) -> None:
    """Train to the end, or until `stop`, Ctrl+C or SIGTERM; then save and stop. `report` is called after every step.

    `interrupt` is like `stop`, but is also called within a step, so it must return quickly."""
    received: list[int] = []

    def is_stopped() -> bool:
        return bool(received) or stop()

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda which, _: received.append(which)) for number in signals]
    try:
        with explain_failures(trainer):
            trainer.train(
                stop=is_stopped, report=report, hurry=is_stopped, interrupt=lambda: bool(received) or interrupt()
            )
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _execution(trainer: Trainer) -> str:
    """The chosen precision, memory format and threads, with their measured speeds."""
    measured = ", ".join(f"{choice} {speed:g}" for choice, speed in trainer.config.measured.items())
    speeds = f" (measured pictures/s: {measured})" if measured else ""
    return f"trains in {trainer.config.schedule.execution}{speeds}"


def _train_with_a_bar(trainer: Trainer, show: Callable[[Trainer], None]) -> None:
    with tqdm(total=100, desc="training", unit="%", disable=None, file=sys.stderr) as bar:

        def report(state: Trainer) -> None:
            bar.update(round(100 * state.progress(), 1) - bar.n)
            bar.set_postfix_str(f"step {state.step}, {state.recent_bits():.3f} bits/dim")
            show(state)

        run_until_stopped(trainer, report)


def _remote_control(options: argparse.Namespace, stack: ExitStack) -> tuple[ControlPipe, ProgressWriter]:
    control = stdin_control()
    return control, stack.enter_context(ProgressWriter(options.out, control))


def _train_remotely(
    trainer: Trainer, control: ControlPipe, writer: ProgressWriter, show: Callable[[Trainer], None]
) -> None:
    control.begin()
    writer.begin(trainer)

    def report(state: Trainer) -> None:
        writer.report(state)
        show(state)

    run_until_stopped(trainer, report, stop=control.stop, interrupt=control.is_stopping)
    if trainer.progress() >= 1:
        _count_copies(trainer, control)
    writer.close(trainer)


def _count_copies(trainer: Trainer, control: ControlPipe) -> None:
    """Count near copies. A failure is only logged, because the training is finished and saved."""
    from pixelart.training.copy_count import count_copies  # imported here, because it loads the engine

    try:
        count_copies(trainer, cancel=control.stop)
    except Cancelled:
        pass
    except Exception as error:
        _log.warning("near copies were not counted: %s", error)


def add_commands(add: Any) -> None:
    """Add train and export."""
    _add_train(add)
    _add_export(add)


def _add_train(add: Any) -> None:
    example = "--data examples/dungeon.zip --model gated_pixelcnn --minutes 60 --out runs/mine"
    command = add_command(add, "train", train, example)
    data_options(command)
    command.add_argument("--out", type=Path, required=True, help="the run folder")
    command.add_argument("--resume", action="store_true", help="continue the run in --out where it was saved last")
    text = "for programs: read stop, pause and go from stdin, stop when it closes, and write progress to --out"
    command.add_argument("--attended", action="store_true", help=text)
    command.set_defaults(fit=None, frames=None)
    command.add_argument("--model", help="a variant (gated_pixelcnn)")
    command.add_argument(
        "--preset",
        help="the size of the network: default, debug or another of the model's; with a base, a larger one",
    )
    command.add_argument(
        "--base",
        help="a checkpoint to fine-tune; the new model keeps its classes and, without a preset, its network",
    )
    command.add_argument("--palette", choices=get_args(PaletteOf), help="the base's, or fitted to the pictures (keep)")
    text = "a palette file with the model's colours, instead of a palette fitted to the pictures"
    command.add_argument("--colours-from", type=Path, metavar="FILE", help=text)
    text = "what to do with classes that the base does not have (add)"
    command.add_argument("--new-classes", choices=get_args(NewClasses), default="add", help=text)
    checkpoints_option(command)
    command.add_argument("--codec", help="palette, indexed, rgb, gray or binary (the variant's)")
    command.add_argument("--colours", type=int, help="palette entries, transparent included (64)")
    for name, declared in OFFERED.items():
        flag, kind = f"--{name.replace('_', '-')}", KINDS[name]
        how: dict[str, Any] = {"action": "store_true", "default": None} if kind is bool else {"type": kind}
        command.add_argument(flag, help=declared.text, **how)
    command.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="write TensorBoard curves to it")
    add_remote_options(command)


def _add_export(add: Any) -> None:
    command = add_command(add, "export", export, "runs/mine --name mine")
    command.add_argument("run_folder", type=Path, metavar="RUN", help="the run folder")
    command.add_argument("--name", required=True, help="name of the new checkpoint")
    checkpoints_option(command)
