"""HTML of the training pictures nearest to each sample, so that artists see for themselves what is copied."""

from __future__ import annotations

from html import escape

from pixelart.images.io import encode_png
from pixelart.jobs import JobFolder
from pixelart.training.near_copies import LIMIT
from pixelart.training.nearest import Neighbour, read_nearest
from pixelart.ui.train.report import picture_html

SIDE = 64
"""Largest shown side of a picture, in screen pixels."""


def nearest_html(folder: JobFolder) -> str:
    """A card per sample, with the training pictures nearest to it, the closest first; "" before the end of a run."""
    found = read_nearest(folder.run)
    if not found:
        return ""
    copies = sum(each.differences[0] <= LIMIT for each in found)
    told = f"{copies} of {len(found)} near copies" if copies else f"no near copies among {len(found)}"
    note = (
        "Each sample, and beside it your pictures nearest to it, with the share of pixels that differ (mirrored and "
        f"moved by a little). Up to {LIMIT:.0%} counts as a near copy."
    )
    cards = "".join(map(_card, found))
    head = f"<summary>What is copied? Your nearest pictures: {told}</summary>"
    return f'<details class="nearest">{head}<p>{note}</p><div class="cards">{cards}</div></details>'


def _card(each: Neighbour) -> str:
    is_copy = each.differences[0] <= LIMIT
    label = each.label or "any class"
    sample = picture_html(encode_png(each.sample), alt=f"{label}, sample", side=SIDE)
    yours = ""
    for number, (picture, difference) in enumerate(zip(each.pictures, each.differences, strict=False), 1):
        told = f"{difference:.0%}"
        shown = picture_html(encode_png(picture), alt=f"{label}, nearest {number}, {told} differ", side=SIDE)
        yours += f"<figure>{shown}<figcaption>{told}</figcaption></figure>"
    caption = f"{escape(label)}{', near copy' if is_copy else ''}"
    drawn = f"<figure>{sample}<figcaption>{caption}</figcaption></figure>"
    return f'<div class="card{" copy" if is_copy else ""}">{drawn}<span class="beside">{yours}</span></div>'
