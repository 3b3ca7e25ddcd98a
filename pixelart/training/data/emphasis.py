"""Classes, looks and kinds whose pictures are drawn more often, or less often, than those of others."""

from __future__ import annotations

import re
from collections.abc import Set

from pixelart.errors import RequestRejected

MIN_EMPHASIS, MAX_EMPHASIS = 0.01, 100.0
"""How many times as often the pictures of a class, look or kind may be drawn."""


def read_emphasis(text: str) -> dict[str, float]:
    """Class, look or class/kind -> times, from text such as "hero=3, weapon/bow=2".

    Raises:
        RequestRejected: an entry that is not NAME=TIMES, or a number of times outside its limits.
    """
    times: dict[str, float] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        name, _, number = entry.rpartition("=")
        if not name or not re.fullmatch(r"\d+(\.\d+)?", number):
            raise RequestRejected(f"emphasis {entry!r:.40}: must be NAME=TIMES, such as hero=3")
        if not MIN_EMPHASIS <= float(number) <= MAX_EMPHASIS:
            raise RequestRejected(f"emphasis {entry!r:.40}: must be from {MIN_EMPHASIS:g} to {MAX_EMPHASIS:g} times")
        times[name] = float(number)
    return times


def check_emphasis(text: str, names: Set[str]) -> None:
    """Raises RequestRejected if the emphasis names no class, look or kind of the pictures, whose `names` these are."""
    if unknown := sorted(read_emphasis(text).keys() - names):
        class_name, has_kind, _ = unknown[0].rpartition("/")
        known = sorted(name for name in names if name.rpartition("/")[:2] == (class_name, has_kind))
        raise RequestRejected(
            f"emphasis: no picture of {unknown[0]!r:.40}" + f", only of {', '.join(known)}" * bool(known)
        )
