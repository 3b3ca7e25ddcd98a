"""Normalise class names, so that a typed name matches the name of a folder."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

NO_LOOK = ""
"""The look of a picture without one; in a request, any look."""


def plain_class(name: str) -> str:
    """The name in Unicode NFC, in which "e" plus accent is one character. macOS folder names use NFD, keyboards NFC."""
    return unicodedata.normalize("NFC", name)


def find_class(name: str, classes: Sequence[str]) -> str | None:
    """The entry of `classes` that equals `name` after normalisation, or None."""
    return next((one for one in classes if one == name), None) or next(
        (one for one in classes if plain_class(one) == plain_class(name)), None
    )
