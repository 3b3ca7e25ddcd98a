"""A folder in which any number of processes, on any hosts, make the pieces of one plan, each piece once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from pixelart.errors import RequestRejected
from pixelart.plain_json import to_json
from pixelart.shards.claims import Claims
from pixelart.storage import write_file

PLAN = "plan.json"
"""File with what the folder holds; all processes must have the same plan."""
LOOK_AGAIN = (0.05, 0.5)
"""Shortest and longest seconds between two looks at the pieces that other processes make."""


class SharedWork:
    """A folder of pieces. A piece is a file that appears at once, complete; one that exists is never made again.

    So processes may be killed and started again in any number: the work goes on where it was. A process waits for the
    pieces of others, and makes those of a process that dies.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any]) -> None:
        """Create the folder, or join it if its plan is the same.

        Raises:
            RequestRejected: the folder has another plan, or its file system has no locks.
            OSError: the folder cannot be written.
        """
        self.folder, self._plan = folder, json.loads(to_json(plan))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / PLAN
        self.make([path], lambda _: write_file(path, (json.dumps(self._plan, indent=1) + "\n").encode()), name="plan")
        self._compare(path)

    def make(self, pieces: Sequence[Path], make: Callable[[int], None], *, name: str) -> int:
        """Return when all `pieces` (files) exist: `make(i)` makes piece i here unless another process does or did.

        `name`: of this kind of work; each kind has its own claims. Returns how many were made here.
        """
        missing, made, pause = list(range(len(pieces))), 0, LOOK_AGAIN[0]
        with closing(Claims(self.folder / f".{name}.claims")) as claims:
            while missing:
                before = len(missing)
                for piece in list(missing):
                    if not pieces[piece].exists():
                        with claims.claim(piece) as is_mine:
                            if not is_mine:
                                continue
                            if not pieces[piece].exists():  # another process may have ended since
                                make(piece)
                                made += 1
                    missing.remove(piece)
                pause = LOOK_AGAIN[0] if len(missing) < before else min(2 * pause, LOOK_AGAIN[1])
                if missing:
                    time.sleep(pause)
        return made

    def _compare(self, path: Path) -> None:
        try:
            there = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            there = None
        if not isinstance(there, dict):
            raise RequestRejected(f"{path}: damaged; use another folder")
        for key in {**self._plan, **there}:
            if self._plan.get(key) != there.get(key):
                theirs, mine = (to_json(plan[key])[:60] if key in plan else "unknown" for plan in (there, self._plan))
                raise RequestRejected(f"{self.folder} holds other work: {key} {theirs}, not {mine}; use another folder")
