"""The names that a network is conditioned on, and how a typed name matches that of a folder."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

NO_LOOK, NO_KIND = "", ""
"""The look and the kind of a picture without one; in a request, any look and any kind."""


def label_settings(look: str, kind: str) -> dict[str, str]:
    """The look and the kind of a picture as settings to save, without those that are empty."""
    return {**({"look": look} if look else {}), **({"kind": kind} if kind else {})}


@dataclass(frozen=True)
class Labels:
    """The labels of a network in the order of its weights: its classes, then its looks, then its kinds.

    kinds: each with its class, such as ("weapon", "sword").
    """

    classes: tuple[str, ...]
    looks: tuple[str, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.classes) + len(self.looks) + len(self.kinds)

    @property
    def groups(self) -> tuple[tuple[Any, ...], ...]:
        """The classes, the looks and the kinds."""
        return self.classes, self.looks, self.kinds

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each label; that of a kind is "class/kind"."""
        return (*self.classes, *self.looks, *(f"{name}/{kind}" for name, kind in self.kinds))

    @property
    def look_numbers(self) -> dict[str, int]:
        """The number of each look among all labels."""
        return {look: number for number, look in enumerate(self.looks, len(self.classes))}

    @property
    def kind_numbers(self) -> dict[tuple[str, str], int]:
        """The number of each kind among all labels."""
        return {kind: number for number, kind in enumerate(self.kinds, len(self.classes) + len(self.looks))}

    def with_more(self, others: Labels) -> Labels:
        """These labels, and those of `others` that are new."""
        pairs = zip(self.groups, others.groups, strict=True)
        return Labels(*(tuple(dict.fromkeys((*mine, *new))) for mine, new in pairs))

    def kinds_of(self, classes: Iterable[str]) -> tuple[str, ...]:
        """The kinds of some classes, sorted."""
        chosen = set(classes)
        return tuple(sorted({kind for name, kind in self.kinds if name in chosen}))


class Labelled:
    """Base of what has the names of labels."""

    classes: tuple[str, ...]
    looks: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> Labels:
        """What the network is conditioned on."""
        return Labels(self.classes, self.looks, self.kinds)


def plain_class(name: str) -> str:
    """The name in Unicode NFC, in which "e" plus accent is one character. macOS folder names use NFD, keyboards NFC."""
    return unicodedata.normalize("NFC", name)


def find_class(name: str, classes: Sequence[str]) -> str | None:
    """The entry of `classes` that equals `name` after normalisation, or None."""
    return next((one for one in classes if one == name), None) or next(
        (one for one in classes if plain_class(one) == plain_class(name)), None
    )
