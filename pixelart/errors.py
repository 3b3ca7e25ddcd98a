"""The errors that a user can cause. Each names the problem, the value and the limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum


class Hint(Enum):
    """What the user can do. The command line and the page each have their own words for it."""

    RESIZE = "resize the pictures"
    ALL_FRAMES = "take all frames of animations"
    TRUE_GRID = "reduce enlarged pictures to their true grid"
    LESS_MEMORY = "use smaller batches"
    RESUME = "continue the run"
    FOLLOW = "follow the rented machine again"
    FETCH = "fetch what a rented machine has made"
    OTHER_NAME = "choose another name"
    SAME_PICTURES = "give the same pictures again"


Words = Mapping[Hint, str]
_TAG = re.compile(r" \[([A-Z_]+)\]$")


class PixelArtError(ValueError):
    """Bad input, described in one line. `hint`: what the user can do. The command line exits with code 2."""

    def __init__(self, text: str = "", *, hint: Hint | None = None) -> None:
        super().__init__(text)
        self.hint = hint


def with_hint(text: str, hint: Hint | None, words: Words) -> str:
    """The text with the hint appended, in the `words` of a front end; without it if `words` lacks the hint."""
    return f"{text} ({words[hint]})" if hint is not None and hint in words else text


def tag_hint(text: str, hint: Hint | None) -> str:
    """The text with the hint's name, for another process or a record; `split_hint` and `untag_hint` read it."""
    return f"{text} [{hint.name}]" if hint else text


def split_hint(text: str) -> tuple[str, Hint | None]:
    """The text and the hint that `tag_hint` got. Other texts have no hint."""
    tag = _TAG.search(text)
    hint = Hint.__members__.get(tag[1]) if tag else None
    return (text[: tag.start()], hint) if tag and hint else (text, None)


def untag_hint(text: str, words: Words) -> str:
    """A text of `tag_hint`, with the hint in the words of a front end. Other texts stay as they are."""
    return with_hint(*split_hint(text), words)


class ImageRejected(PixelArtError):
    """A picture that cannot be decoded: its format, size or content is outside the limits."""


class DataRejected(PixelArtError):
    """A folder or archive of pictures that cannot be used for training or evaluation."""


class WeightsRejected(PixelArtError):
    """A checkpoint that is damaged, incomplete, or does not match its config."""


class HubFailure(PixelArtError):
    """A request to the Hugging Face Hub failed. `status`: the HTTP status of its answer; 0 = there was none."""

    def __init__(self, text: str, *, status: int = 0, hint: Hint | None = None) -> None:
        super().__init__(text, hint=hint)
        self.status = status

    @property
    def refused(self) -> bool:
        """Whether the Hub itself refused it, so that nothing changed there."""
        return 400 <= self.status < 500


class RequestRejected(PixelArtError):
    """A request (class, count, mask, temperature, ...) that the model cannot answer."""


class Cancelled(Exception):
    """Raised by long-running work when its `cancel` callable returns True."""
