"""How the name of a class is written: in one way, so that a name that is typed is the one that a folder has."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def plain_class(name: str) -> str:
    """The name in NFC: "e" and an accent are one letter. Folders of macOS are named in NFD, keyboards write NFC."""
    return unicodedata.normalize("NFC", name)


def find_class(name: str, classes: Sequence[str]) -> str | None:
    """The one of `classes` that is meant by `name`, however its letters are written; None when there is none."""
    return next((one for one in classes if one == name), None) or next(
        (one for one in classes if plain_class(one) == plain_class(name)), None
    )
