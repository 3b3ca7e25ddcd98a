"""`train --on hf-jobs`: rent a machine of Hugging Face Jobs, train there, and fetch the run into --out."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixelart.cli.arguments import USUAL_LIMIT, add_command
from pixelart.cli.common import Json, agrees, check_out_folder, find, progress_bar, say
from pixelart.cli.prepared import PREPARED_FILE, prepare_pictures
from pixelart.cli.words import CLI_HINTS
from pixelart.errors import Hint, RequestRejected, split_hint, untag_hint
from pixelart.hub import local_token
from pixelart.hub.remote import Flavor, RemoteTraining, delete_pictures, find_flavor, list_flavors, read_record
from pixelart.hub.remote.following import LEFT
from pixelart.hub.remote.hardware import MOST_MINUTES, check_minutes, price_text
from pixelart.hub.remote.training import NOT_RENTED
from pixelart.jobs.options import command_options
from pixelart.storage import exclusive
from pixelart.training.initialization import resolve_options
from pixelart.training.options import OFFERED, check_training_options
from pixelart.training.run_config import RUN_FILE

NOT_SIGNED_IN = "nobody is signed in to the Hub on this machine; run hf auth login"
_NETWORK = ("model", "preset", "palette", "codec", "colours", "new_classes")
_ONLY_HERE = ("colours_from", "tensorboard", "attended")


def train_on_jobs(options: argparse.Namespace) -> Json:
    """Train on a rented machine. Ctrl+C asks whether to stop it or to leave it running."""
    token = _checked(options)
    with _locked(options.out):
        return _train_locked(options, token)


def _train_locked(options: argparse.Namespace, token: str) -> Json:
    record = read_record(options.out)
    if not options.resume and (record or (options.out / RUN_FILE).exists()):
        raise RequestRejected(f"{options.out}: already holds a run", hint=Hint.RESUME)
    name = options.flavor or (record.flavor if record else "")
    if not name:
        names = ", ".join(each.name for each in list_flavors(token))
        raise RequestRejected(f"choose a machine with --flavor: Hugging Face Jobs offers {names}")
    usual = min(max(USUAL_LIMIT, 2 * (options.minutes or 0)), MOST_MINUTES)
    limit = options.limit or (record.minutes if record else 0) or usual
    check_minutes(limit)
    follows = record is not None and record.is_followed
    flavor = Flavor(name, name, record.hourly, True) if record and follows else find_flavor(name, token)
    training, words = RemoteTraining(token, flavor, limit), _words(options)
    base, size = _base(options)
    if not options.resume:
        resolve_options({name: value for name, value in _given(options).items() if name in _NETWORK}, base=base)
    pictures = options.out / PREPARED_FILE
    if not follows:
        _confirm(options, training)
        with progress_bar("reading") as show:
            prepare_pictures(options, size=size, on_progress=show)
    with _interrupts(options) as (stop, leave):
        ending = training.train(
            options.out, options.out.resolve().name, pictures, words, base,
            say=lambda line: print(untag_hint(line, CLI_HINTS), file=sys.stderr, flush=True), stop=stop, leave=leave,
        )  # fmt: skip
    return _report(options, ending.state, ending.reason)


def remote_delete(options: argparse.Namespace) -> Json:
    """Delete the pictures that a run uploaded for a rented machine."""
    gone, run = "", options.run_folder
    if read_record(run):
        with exclusive(run):  # otherwise the program that trains it could lose the record of its job
            gone = delete_pictures(run, token=_token(), say=lambda line: say(options, line))
    say(options, f"deleted {gone}" if gone else "nothing is uploaded")
    return {"deleted": gone}


@contextmanager
def _locked(run: Path) -> Iterator[None]:
    """Hold the lock of a run. A folder that is made for it is deleted if nothing else gets into it."""
    is_new = not run.exists()
    run.mkdir(parents=True, exist_ok=True)
    try:
        with exclusive(run):
            yield
    finally:
        if is_new and [path.name for path in run.iterdir()] == ["lock"]:
            shutil.rmtree(run)


def _token() -> str:
    token = local_token()
    if not token:
        raise RequestRejected(NOT_SIGNED_IN)
    return token


def _checked(options: argparse.Namespace) -> str:
    """The token of this machine's sign-in. Raises RequestRejected for options that only work on this machine."""
    for name in _ONLY_HERE:
        if getattr(options, name):
            raise RequestRejected(f"--{name.replace('_', '-')}: only for a training on this machine, without --on")
    if options.fit == "keep":
        raise RequestRejected("--fit keep: only for a training on this machine, without --on")
    check_out_folder(options.out)
    given = _given(options)
    if not options.resume or given.keys() & {"steps", "minutes"}:
        check_training_options({**given, "base": options.base})
    return _token()


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The options of the training by name, without its base."""
    return {name: getattr(options, name) for name in (*_NETWORK, *OFFERED) if getattr(options, name) is not None}


def _words(options: argparse.Namespace) -> list[str]:
    """The options of `train` for the machine."""
    return command_options(_given(options), checkpoints=Path())


def _base(options: argparse.Namespace) -> tuple[Path | None, tuple[int, int] | None]:
    """The folder of the base and its (height, width); None without one."""
    if not options.base:
        return None, None
    engine, name = find(options.checkpoints, options.base)
    info = engine.info(name)
    return engine.library.path(name), (info.height, info.width)


def _confirm(options: argparse.Namespace, training: RemoteTraining) -> None:
    """Print what it costs, and ask. Raises RequestRejected without a yes."""
    say(options, price_text(training.flavor, limit=training.minutes, minutes=options.minutes or 0))
    say(options, "The pictures, the base model and this program go to a private dataset of yours on the Hub.")
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise RequestRejected("give --yes to rent the machine at this price")
    if not agrees("Rent it?"):
        raise RequestRejected("nothing was rented or uploaded")


@contextmanager
def _interrupts(options: argparse.Namespace) -> Iterator[tuple[Callable[[], bool], Callable[[], bool]]]:
    """(stop, leave) of the training: Ctrl+C asks whether to stop its job; a second one, SIGTERM, or one before there is
    a job leaves it."""
    received, wishes = list[int](), list[bool]()

    def wants_to_stop() -> bool:
        if not wishes:
            record = read_record(options.out)
            wishes.append(record is not None and record.is_followed and _wants_to_stop(received[0]))
        return wishes[0]

    def leave() -> bool:
        return bool(received) and (not wants_to_stop() or len(received) > 1)

    def stop() -> bool:
        return bool(received) and wants_to_stop()

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda which, _: received.append(which)) for number in signals]
    try:
        yield stop, leave
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _wants_to_stop(number: int) -> bool:
    if number != signal.SIGINT or not sys.stdin.isatty():
        return False
    return agrees("\nStop the training there? Otherwise it goes on, and is paid for.")


def _report(options: argparse.Namespace, state: str, reason: str) -> Json:
    """What comes next. Raises RequestRejected if it ended by itself without being done."""
    record, text = read_record(options.out), untag_hint(reason, CLI_HINTS)
    is_stopped = state == "cancelled" or reason == NOT_RENTED
    if reason == LEFT:
        job = f" (job {record.job} at https://huggingface.co/settings/jobs)" if record and record.job else ""
        say(options, f"the training goes on there{job}; --resume follows it, and Ctrl+C then offers to stop it")
    elif state == "done":
        say(options, f"the run is in {options.out}; next: python -m pixelart export {options.out} --name NAME")
    elif is_stopped:
        say(options, f"{text}; --resume continues")
    if record and record.pictures:
        say(
            options, f"uploaded pictures: {record.pictures_url}; python -m pixelart remote-delete {options.out} deletes"
        )
    if state != "done" and not is_stopped and reason != LEFT:
        line, hint = split_hint(reason)
        raise RequestRejected(line, hint=hint or Hint.RESUME)
    return {"run": str(options.out), "finished": state == "done", "state": state, "reason": text}


def add_commands(add: Any) -> None:
    """Add remote-delete."""
    command = add_command(add, "remote-delete", remote_delete, "runs/mine")
    command.add_argument("run_folder", type=Path, metavar="RUN", help="the run folder")
