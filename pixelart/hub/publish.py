"""Push a checkpoint to the Hub with its card, samples, palette and log."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pixelart.checkpoint.format import (
    CARD_FILE,
    CHOSEN_FILE,
    CLASS_PALETTES_FILE,
    CONFIG_FILE,
    LOG_FILE,
    PALETTE_FILE,
    SAMPLES_FILE,
    SEEN_FILE,
    WEIGHTS_FILE,
)
from pixelart.checkpoint.library import Checkpoint
from pixelart.checkpoint.origin import parse_origin
from pixelart.checkpoint.weights import pack_weights
from pixelart.engine import Engine
from pixelart.engine.samples import draw_class_samples, sample_sheet
from pixelart.errors import Cancelled, RequestRejected
from pixelart.hub.card import Card, as_markdown, check_licence, one_line
from pixelart.hub.client import sign_in
from pixelart.hub.push import NOTHING_PUSHED, Pushed, Stage, push_files, with_outcome
from pixelart.hub.repo_id import check_repo_id, local_name
from pixelart.images.codec import Picture
from pixelart.images.palette_choice import as_learned
from pixelart.images.palette_files import gpl_palette
from pixelart.settings import SETTINGS
from pixelart.training.near_copies import near_copies, parse_counted

MAX_NOTE = 2000
_NO_NOTE = "The maker of the training pictures is not stated."


def push_checkpoint(
    engine: Engine,
    checkpoint: str,
    repo_id: str,
    *,
    licence: str,
    data_note: str = "",
    private: bool = True,
    token: str | None = None,
    learned: Picture | None = None,
    on_stage: Callable[[Stage], None] = lambda stage: None,
    cancel: Callable[[], bool] = lambda: False,
) -> Pushed:
    """Push a checkpoint with its card, samples, palette and log to the repository owner/name, in one commit.

    If the repository already holds exactly these files, no commit is made.

    Args:
        licence: one of `pixelart.hub.card.LICENCES`.
        data_note: plain text for the card: who made the training pictures, and with whose permission. Required for a
            public repository.
        private: visibility of a new repository; an existing public one is refused if True.
        token: of the account that pushes.
        learned: the training pictures (N, H, W, 4), to count near copies among the samples for the card.
        on_stage: called when a stage begins: login, draw, create, upload, commit.
        cancel: checked while samples are drawn, and before each stage; a commit that has begun is finished.

    Raises:
        Cancelled: `cancel` returned True; nothing is pushed, but a new repository may exist.
        RequestRejected: no such checkpoint, or an invalid name, licence or note.
        WeightsRejected: a damaged checkpoint.
        HubFailure: the stage that failed, the reason, and what is on the Hub now.
    """
    loaded, folder = engine.library.load(checkpoint), engine.library.path(checkpoint)

    def begin(stage: Stage) -> None:
        if cancel():
            raise Cancelled
        on_stage(stage)

    check_terms(repo_id, licence=licence, data_note=data_note, private=private)
    begin("login")
    with with_outcome("sign-in", NOTHING_PUSHED):
        sign_in(token)
    begin("draw")
    samples = compared = draw_class_samples(engine, loaded.info.name, cancel=cancel)
    if learned is not None and any(sample.shape != learned.shape[1:] for sample in samples):
        compared = draw_class_samples(engine, loaded.info.name, size=learned.shape[1:3], cancel=cancel)
    text = card_text(loaded, folder, repo_id, licence=licence, data_note=data_note, samples=compared, learned=learned)
    files = {CARD_FILE: text.encode(), **_content(loaded, samples), **_beside(folder)}
    title = f"{one_line(loaded.info.name)}: weights, config and card"
    return push_files(files, repo_id, title=title, token=token or "", private=private, on_stage=begin)


def preview_card(engine: Engine, checkpoint: str, repo_id: str, *, licence: str, data_note: str = "") -> str:
    """The card (Markdown) that `push_checkpoint` would push, without a new count of near copies.

    Raises:
        RequestRejected: no such checkpoint, or a licence that is not one of `pixelart.hub.card.LICENCES`.
        WeightsRejected: a damaged checkpoint.
    """
    folder = engine.library.path(checkpoint)
    return card_text(engine.library.load(checkpoint), folder, repo_id, licence=licence, data_note=data_note)


def check_terms(repo_id: str, *, licence: str, data_note: str, private: bool) -> None:
    """Raises RequestRejected unless a checkpoint may be pushed on these terms. A public push needs a note."""
    check_repo_id(repo_id)
    check_licence(licence)
    if len(data_note) > MAX_NOTE:
        raise RequestRejected(f"note on the data: {len(data_note)} characters; the limit is {MAX_NOTE}")
    if not private and not one_line(data_note):
        raise RequestRejected("note on the data: say who made the training pictures and with whose permission")


def card_text(
    loaded: Checkpoint,
    folder: Path,
    repo_id: str,
    *,
    licence: str,
    data_note: str,
    samples: Sequence[Picture] = (),
    learned: Picture | None = None,
) -> str:
    """The card of the checkpoint in `folder`, as it is pushed to `repo_id`.

    It reports how many samples are near copies of training pictures. They are counted here if `samples` (N of
    (H, W, 4)) and the training pictures `learned` (M, H, W, 4) are given; otherwise the count from the end of training
    is used.
    """
    check_licence(licence)
    base = parse_origin(loaded.info.training.get("base_origin"))
    figures = [_measured(loaded, folder)]
    if samples and learned is not None:
        share = near_copies(np.stack(samples), as_learned(loaded.codec, learned))
        figures.append(_copies(round(share * len(samples)), len(samples), len(learned)))
    elif counted := parse_counted(loaded.info.training.get("near_copies")):
        figures.append(_copies(counted.copies, counted.samples, counted.learned))
    else:
        figures.append("Near copies of training pictures among its samples were not counted.")
    note = as_markdown(data_note, links=True) or _NO_NOTE
    count = len(_read(folder, SEEN_FILE).split())
    data = f"{note}\n\nTrained on {count} pictures" + (", in addition to those of its base." if base else ".")
    return Card(
        title=repo_id.partition("/")[2],
        name=local_name(repo_id),
        imports=("from pixelart import from_pretrained", "from pixelart.engine import Request"),
        engine=f'engine = from_pretrained("{repo_id}")',
        licence=licence,
        data=data if count else note,
        figures="\n\n".join(figures),
        base=base,
    ).of(loaded)


def _content(loaded: Checkpoint, samples: Sequence[Picture]) -> dict[str, bytes]:
    """The files of the loaded checkpoint, even if its folder has changed since."""
    colours = loaded.info.colours
    files = {
        CONFIG_FILE: loaded.config.to_json(),
        WEIGHTS_FILE: pack_weights(loaded.model),
        SAMPLES_FILE: sample_sheet(samples),
    }
    return files if colours is None else {**files, PALETTE_FILE: gpl_palette(loaded.info.name, colours)}


def _beside(folder: Path) -> dict[str, bytes]:
    names = (LOG_FILE, SEEN_FILE, CHOSEN_FILE, CLASS_PALETTES_FILE)
    return {name: data for name in names if (data := _read(folder, name))}


def _read(folder: Path, name: str) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            return file.read(SETTINGS.max_directory_bytes)
    except OSError:
        return b""


def _measured(loaded: Checkpoint, folder: Path) -> str:
    """The log's measurements of the exported weights."""
    rows = _rows(_read(folder, LOG_FILE))
    kept = loaded.info.training.get("kept_step")
    row = next((row for row in rows if row.get("step") == str(kept)), rows[-1] if rows else {})
    bits, brush, ratio = (_number(row, name) for name in ("validation_bits", "hole_bits", "seam_ratio"))
    if bits is None:
        return "Nothing was measured on pictures held out of training."
    lines = [f"**{bits:.3f} bits per dimension** on pictures held out of training, by its own log."]
    if brush is not None:
        lines.append(f"{brush:.3f} bits a hidden pixel in brush strokes.")
    if ratio is not None:
        lines.append(f"Seam ratio {ratio:.3f}: bits at the far edges of a hole with context, divided by those without.")
    return " ".join(lines)


def _rows(table: bytes) -> list[Mapping[str, Any]]:
    try:
        return [row for row in csv.DictReader(io.StringIO(table.decode("ascii"))) if _number(row, "validation_bits")]
    except (ValueError, csv.Error):
        return []


def _number(row: Mapping[str, Any], name: str) -> float | None:
    try:
        value = float(row[name])
    except (KeyError, ValueError, TypeError):
        return None
    return value if math.isfinite(value) else None


def _copies(copies: int, samples: int, learned: int) -> str:
    return (
        f"Near copies among {samples} such samples: {copies / samples:.1%}. A near copy differs from one of the "
        f"{learned} training pictures, mirrored or not and moved by up to two pixels, in at most a tenth of the opaque "
        f"pixels."
    )
