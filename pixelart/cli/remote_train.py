"""`python -m pixelart remote-train`: what a job on Hugging Face runs. It trains in a child process and pushes the run.

The machine may be gone at any moment, so the repository of the run always has a save to resume from.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import torch

from pixelart.cli.arguments import add_command
from pixelart.cli.common import Json
from pixelart.errors import HubFailure, PixelArtError, RequestRejected, split_hint
from pixelart.hub import check_repo_id, local_token
from pixelart.hub.remote.following import USUAL_PACE
from pixelart.hub.remote.jobs_api import SECRET
from pixelart.hub.remote.outcome import Outcome, StoppedBy, exit_of
from pixelart.hub.remote.run_repo import pull_run, push_run
from pixelart.jobs.process import COMMAND, environment
from pixelart.system.cpus import usable_cores
from pixelart.training.failures import last_line

BEFORE_LIMIT = 120.0
"""Seconds before the time limit of the job at which the training saves and stops."""
PATIENCE = 900.0
"""Seconds that a stopped training has to save."""
LAST_PUSHES = (0, 5, 15, 30, 60, 120, 240)
"""Seconds before each try of the last push: the result must not be lost to a short failure of the network."""
NO_GPU = "torch cannot use the GPU of this machine, so the training would be slow and still be paid for"
LAST_LINES = 20
"""Lines of the training among which its reason is looked for."""


def remote_train(options: argparse.Namespace) -> Json:
    """Train, and push the run while it trains and at its end."""
    check_repo_id(options.repository)
    token = local_token()
    if not token:
        raise RequestRejected(f"no token: the job has no secret {SECRET}")
    os.environ.pop(SECRET, None)  # the training needs none
    run, ending = options.out, Outcome(options.attempt)
    if not pull_run(run, options.repository, token=token, with_save=True):
        raise HubFailure(f"{options.repository}: it does not exist, or it is private")
    ending.write(run)
    push_run(run, options.repository, token=token, with_save=False)
    if options.gpu and not torch.cuda.is_available():
        ending = Outcome(options.attempt, 2, NO_GPU)
    else:
        ending = _Machine(options, token).run()
    ending.write(run)
    _push_at_last(run, options.repository, token)
    if ending.code:
        reason, hint = split_hint(exit_of(ending, run, minutes=options.limit).reason)
        raise RequestRejected(reason, hint=hint)
    return {"run": str(run), "stopped_by": ending.stopped_by}


class _Machine:
    """The training process, and the pushes beside it."""

    def __init__(self, options: argparse.Namespace, token: str) -> None:
        self._options, self._token = options, token
        self._lines = deque[str](maxlen=LAST_LINES)
        self._end = (options.began or time.time()) + 60 * options.limit - BEFORE_LIMIT
        self._received: list[int] = []
        self._pushes = ThreadPoolExecutor(1)
        """Pushes beside the watch, which must notice a signal within seconds."""

    def run(self) -> Outcome:
        """Train to the end, until the time limit, or until a signal; how it ended."""
        options = self._options
        fixed = ["train", "--resume", "--attended", f"--data={options.data}", f"--out={options.out}"]
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda which, _: self._received.append(which))
        child = subprocess.Popen(
            [*COMMAND, *fixed, *options.options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment(os.environ, threads=usable_cores()),
        )  # fmt: skip
        assert child.stdin and child.stdout
        reader = threading.Thread(target=self._pass_on, args=(child.stdout,), daemon=True)
        reader.start()
        stopped_by = self._watch(child, child.stdin)
        reader.join(10)
        code = child.returncode
        return Outcome(options.attempt, code, last_line(self._lines) if code else "", stopped_by)

    def _watch(self, child: subprocess.Popen[bytes], pipe: IO[bytes]) -> StoppedBy:
        pushed = saved = time.monotonic()
        stopped_by: StoppedBy = ""
        push: Future[None] | None = None
        patience = float("inf")
        while child.poll() is None:
            if not stopped_by and (self._received or time.time() > self._end):
                stopped_by, patience = "signal" if self._received else "limit", time.monotonic() + PATIENCE
                with suppress(OSError):
                    pipe.write(b"stop\n")
                    pipe.flush()
            now = time.monotonic()
            if now > patience:
                child.kill()
            if now - pushed > self._options.push_every and not stopped_by and (push is None or push.done()):
                pushed, with_save = now, now - saved > self._options.save_push_every
                saved = now if with_save else saved
                push = self._pushes.submit(self._push, with_save)
            with suppress(subprocess.TimeoutExpired):
                child.wait(0.2)
        with suppress(OSError):
            pipe.close()
        self._pushes.shutdown()
        return stopped_by

    def _push(self, with_save: bool) -> None:
        """A failed push is only reported: the next one has everything."""
        try:
            push_run(self._options.out, self._options.repository, token=self._token, with_save=with_save)
        except (PixelArtError, OSError) as failure:
            print(f"not pushed: {failure}", flush=True)

    def _pass_on(self, output: IO[bytes]) -> None:
        """Print what the training prints, and keep its last lines."""
        with output:
            for line in output:
                text = line.decode("utf-8", "replace").rstrip()
                print(text, flush=True)
                self._lines.append(text)


def _push_at_last(run: Path, repository: str, token: str) -> None:
    for seconds in LAST_PUSHES:
        threading.Event().wait(seconds)
        try:
            return push_run(run, repository, token=token, with_save=True)
        except (PixelArtError, OSError) as failure:
            print(f"not pushed: {failure}", file=sys.stderr, flush=True)
    raise RequestRejected(f"the training has ended, but its run could not be pushed to {repository}")


def add_commands(add: Any) -> None:
    """Add remote-train."""
    usual = USUAL_PACE
    example = "--repository me/pixelart-mine-0a1b2c3d --data /pixelart-set/pictures.zip --limit 60 -- --minutes=30"
    command = add_command(add, "remote-train", remote_train, example)
    command.add_argument("--repository", required=True, metavar="OWNER/NAME", help="the private repository of the run")
    command.add_argument("--data", type=Path, required=True, help="the uploaded .zip of pictures")
    command.add_argument("--out", type=Path, default=Path("run"), help="the run folder (run)")
    command.add_argument("--attempt", type=int, default=1, help="the number of this job of the training (1)")
    command.add_argument("--limit", type=float, required=True, help="time limit of the job in minutes")
    command.add_argument("--began", type=float, help="when the job began, in seconds since 1970 (now)")
    command.add_argument("--gpu", action="store_true", help="refuse to train without a GPU")
    text = "seconds between two pushes of the progress"
    command.add_argument("--push-every", type=float, default=usual.push, help=f"{text} ({usual.push:g})")
    text = "seconds between two pushes with a save"
    command.add_argument("--save-push-every", type=float, default=usual.push_save, help=f"{text} ({usual.push_save:g})")
    command.add_argument("options", nargs="*", metavar="-- OPTION", help="options of train")
