"""Pack a run into an archive that is split into small files."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

from pixelart.errors import RequestRejected
from pixelart.storage import write_file
from pixelart.training.run_config import read_run
from pixelart.training.snapshots import last_checkpoint

PIECE_BYTES = 15 * 2**20
_PIECE = re.compile(r"run-(\d{8})\.zip\.(\d+)of(\d+)")


def pack(run: Path, folder: Path) -> list[Path]:
    """Write the run with its newest checkpoint to `folder`, in pieces of PIECE_BYTES that replace older ones."""
    folder.mkdir(parents=True, exist_ok=True)
    found = last_checkpoint(run)
    data, step = _zipped(run), found[0] if found else 0
    starts = range(0, len(data), PIECE_BYTES)
    names = [f"run-{step:08d}.zip.{number}of{len(starts)}" for number in range(1, len(starts) + 1)]
    for name, start in zip(names, starts, strict=True):
        write_file(folder / name, data[start : start + PIECE_BYTES])
    for old in folder.glob("run-*.zip.*"):
        if old.name not in names:
            old.unlink()
    return [folder / name for name in names]


def packed(source: Path) -> bytes:
    """The archive of a run: the newest complete one in a folder of pieces, or a new one of a run folder.

    Raises:
        RequestRejected: `source` is neither.
    """
    return _joined(source) if list(source.glob("run-*.zip.*")) else _zipped(source)


def _joined(folder: Path) -> bytes:
    """The newest archive whose pieces are all present."""
    found = dict[str, list[tuple[int, Path]]]()
    for path in folder.iterdir():
        if match := _PIECE.fullmatch(path.name):
            found.setdefault(f"{match[1]} {match[3]}", []).append((int(match[2]), path))
    for key in sorted(found, reverse=True):
        if len(found[key]) == int(key.split()[1]):
            return b"".join(path.read_bytes() for _, path in sorted(found[key]))
    raise RequestRejected(f"{folder}: some pieces of the run are missing")


def _zipped(run: Path) -> bytes:
    """The files of a run, uncompressed, with only its newest checkpoint."""
    read_run(run)
    found, data = last_checkpoint(run), io.BytesIO()
    newest = f"step-{found[0]:08d}" if found else ""
    with zipfile.ZipFile(data, "w") as archive:
        for path in sorted(p for p in run.rglob("*") if p.is_file()):
            place = path.relative_to(run)
            is_kept = place.parts[0] == newest or not place.parts[0].startswith("step-")
            if is_kept and path.name != "lock" and path.suffix != ".tmp":
                archive.write(path, place.as_posix())
    return data.getvalue()
