"""Follow the job of a training: keep the run folder up to date, stop it, and fetch what it has made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pixelart.errors import Hint, HubFailure, tag_hint
from pixelart.hub.remote.jobs_api import UNKNOWN_STAGE, Look, cancel, look_at, read_log
from pixelart.hub.remote.outcome import is_final, outcome_of
from pixelart.hub.remote.record import RemoteRecord
from pixelart.hub.remote.run_repo import pull_run
from pixelart.training.failures import Ending

LAST_TRIES = 6
"""How often the result of an ended job is asked for before that is left to a later resume."""
GOES_ON = tag_hint("the training goes on there, and is paid for", Hint.FOLLOW)
LEFT = f"this program ended; {GOES_ON}"
NOTHING_THERE = tag_hint("its repository on the Hub is gone, so nothing was fetched", Hint.RESUME)
PUBLIC = "is public, so nothing is pushed to it; make it private on the Hub"
FETCHED_LATER = tag_hint("the job has ended", Hint.FETCH)
CANCEL_PATIENCE = 60.0
"""Seconds that a cancelled job may take to save after the Hub calls it cancelled."""
UNKNOWN_PATIENCE = 300.0
"""Seconds for which the Hub must not know a job before it counts as deleted: it may be slow to know a new one."""
_TICK = 0.2
_REFUSED, _MISSING = (401, 403), 404
"""Answers to which trying again is no use."""
_Say = Callable[[str], None]
_Told = Callable[[], bool]


class RemotePace(NamedTuple):
    """Seconds between two looks at a job, and between two fetched saves; and, on the machine, between two pushes of the
    progress, and between two that hold a save. The last save is always pushed and fetched. `settle`: for how many
    seconds after its start a job may be missing in the Hub's list.

    The Hub accepts about a hundred commits an hour, and keeps every pushed save until its repository is deleted.
    """

    look: float = 10.0
    fetch: float = 300.0
    push: float = 45.0
    push_save: float = 300.0
    settle: float = 60.0


USUAL_PACE = RemotePace()


class Follower:
    """Follows one job."""

    def __init__(
        self,
        run: Path,
        record: RemoteRecord,
        token: str,
        pace: RemotePace,
        minutes: float,
        say: _Say,
        stop: _Told,
        leave: _Told,
    ) -> None:
        """`minutes`: the time limit of the job. `say`, `stop`, `leave`: see `RemoteTraining.train`."""
        self._run, self._record, self._token, self._pace, self._minutes = run, record, token, pace, minutes
        self._say, self._stop, self._leave = say, stop, leave
        self._is_stopping = self._is_cancelled = self._is_log_lost = self._is_public = False
        self._unknown_since: float | None = None
        self._not_cancelled = ""

    def follow(self) -> Ending:
        """Until the job ends, the sign-in expires, or this program ends. Raises OSError if the disk fails."""
        trouble, fetched = "", time.monotonic()
        while not self._leave():
            self._is_stopping = self._stop()
            try:
                if self._is_stopping and not self._is_cancelled:
                    self._cancel()
                look = self._look()
                with_save = time.monotonic() - fetched > self._pace.fetch
                if look.has_ended:
                    return self._end(look)
                self._catch_up(look, with_save=with_save)
                fetched, trouble = time.monotonic() if with_save else fetched, ""
            except HubFailure as failure:
                if failure.status in _REFUSED:
                    return Ending("interrupted", f"{failure}; {GOES_ON}")
                if trouble != str(failure):  # the network may come back
                    trouble = str(failure)
                    self._say(f"{trouble} (trying again)")
            wait(self._pace.look, lambda: self._leave() or self._stop() != self._is_stopping)
        return Ending("interrupted", LEFT)

    def _cancel(self) -> None:
        """Cancel the job. A failure is only reported, and tried again: the job may end by itself meanwhile, which is
        for `_look` to find out, as is a job that the Hub does not know."""
        try:
            cancel(self._record.account, self._record.job, token=self._token)
            self._is_cancelled = True
        except HubFailure as failure:
            if failure.status != _MISSING and self._not_cancelled != str(failure):
                self._not_cancelled = str(failure)
                self._say(f"{failure} (the job is not cancelled; trying again)")

    def _look(self) -> Look:
        """The stage of the job; "DELETED" if the Hub has not known it for UNKNOWN_PATIENCE seconds."""
        look, now = look_at(self._record.account, self._record.job, token=self._token), time.monotonic()
        if look.stage != UNKNOWN_STAGE:
            self._unknown_since = None
            return look
        if self._unknown_since is None:
            self._unknown_since = now
            self._say(f"the Hub does not know job {self._record.job} (looking again)")
        return look if now - self._unknown_since < UNKNOWN_PATIENCE else Look("DELETED")

    def _catch_up(self, look: Look, *, with_save: bool) -> bool:
        """Fetch the new lines of the log, and what has changed in the run; returns whether its repository exists."""
        if look.stage not in ("SCHEDULING", "DELETED", UNKNOWN_STAGE):
            self._read_log()
        head = pull_run(self._run, self._record.run, token=self._token, with_save=with_save)
        was_public, self._is_public = self._is_public, head is not None and not head.private
        if self._is_public and not was_public:
            self._say(f"{self._record.run} {PUBLIC}")
        return head is not None

    def _read_log(self) -> None:
        """Pass on the new lines of the log. A log that cannot be read is only reported: the run does not need it."""
        try:
            lines = read_log(self._record.account, self._record.job, token=self._token)
        except HubFailure as failure:
            if not self._is_log_lost:
                self._say(f"{failure} (the log is skipped)")
            self._is_log_lost = True
            return
        self._is_log_lost = False
        for line in lines[self._record.lines :]:
            self._say(line)
        if len(lines) > self._record.lines:
            self._record = replace(self._record, lines=len(lines))
            self._record.write(self._run)

    def _end(self, look: Look) -> Ending:
        """Fetch all that an ended job has made, and how it ended."""
        attempt = self._record.attempt
        failure, is_there, end = None, False, time.monotonic() + CANCEL_PATIENCE * (look.stage == "CANCELED")
        for tried in range(LAST_TRIES):
            try:
                failure, is_there = None, self._catch_up(look, with_save=True)
                while is_there and not is_final(self._run, attempt) and time.monotonic() < end and not self._leave():
                    wait(self._pace.look, self._leave)
                    self._catch_up(look, with_save=True)
                if is_there:
                    break
            except HubFailure as error:
                failure = error
            wait(self._pace.look * tried, self._leave)
        else:
            if failure:
                return Ending("interrupted", f"{failure}; {FETCHED_LATER}")
        replace(self._record, ended=attempt).write(self._run)
        if not (is_final(self._run, attempt) or self._stop()):
            if not is_there:
                return Ending("interrupted", NOTHING_THERE)
            if self._is_public:
                return Ending("interrupted", tag_hint(f"{self._record.run} {PUBLIC}", Hint.RESUME))
        return outcome_of(self._run, look, attempt=attempt, minutes=self._minutes, was_asked=self._stop())


def wait(seconds: float, until: _Told) -> None:
    """Sleep, but at most until `until` holds."""
    end, never = time.monotonic() + seconds, threading.Event()
    while time.monotonic() < end and not until():
        never.wait(min(_TICK, seconds))
