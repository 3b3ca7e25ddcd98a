"""The pictures of a run that a rented machine trains: checked, fitted, and written to one .zip in the run folder.

The machine gets that .zip. The run is continued from such a .zip anywhere, so the same options always give the same
pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pixelart.cli.common import say
from pixelart.cli.words import CLI_HINTS
from pixelart.progress import OnProgress, ignore_progress
from pixelart.training.data.report import prepare
from pixelart.training.data.survey import Options, survey
from pixelart.training.run_config import RUN_FILE, read_run
from pixelart.training.runs import check_same_pictures

PREPARED_FILE = "pictures.zip"


def prepare_pictures(
    options: argparse.Namespace, *, size: tuple[int, int] | None = None, on_progress: OnProgress = ignore_progress
) -> Path:
    """Write the good pictures of --data, as --fit and --frames say, to a .zip in the run folder --out; returns it.

    `size`: their (height, width); the most frequent one if None. A run that exists sets size, looks and kinds itself.

    Raises:
        DataRejected: a set that cannot be trained on.
        RequestRejected: the run was started with other pictures; the .zip is unchanged.
    """
    run, target = options.out, options.out / PREPARED_FILE
    with_looks, with_kinds, exists = bool(options.looks), bool(options.kinds), (run / RUN_FILE).exists()
    if exists:
        config = read_run(run)
        size, with_looks, with_kinds = config.size, config.schedule.looks, config.schedule.kinds
    wanted = Options(
        size=size,
        fit=options.fit or "refuse",
        frames=options.frames or "first",
        keep_copies=True,
        with_looks=with_looks,
        with_kinds=with_kinds,
    )
    found = survey(options.data, wanted, on_progress=on_progress)
    for problem in found.problems:
        say(options, f"{'needed' if problem.blocks else 'note'}: {problem.line(CLI_HINTS)}")
    run.mkdir(parents=True, exist_ok=True)
    fresh = run / f".{PREPARED_FILE}"
    try:
        prepare(found, fresh)
        if exists:
            check_same_pictures(run, fresh)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return target
