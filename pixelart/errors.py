"""The errors that a user can cause. Each names the problem, the value and the limit."""

from __future__ import annotations


class PixelArtError(ValueError):
    """Bad input, described in one line. The command line exits with code 2."""


class ImageRejected(PixelArtError):
    """A picture that cannot be decoded: its format, size or content is outside the limits."""


class DataRejected(PixelArtError):
    """A folder or archive of pictures that cannot be used for training or evaluation."""


class WeightsRejected(PixelArtError):
    """A checkpoint that is damaged, incomplete, or does not match its config."""


class HubFailure(PixelArtError):
    """A request to the Hugging Face Hub failed. `refused`: the Hub itself refused it, so nothing changed there."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


class RequestRejected(PixelArtError):
    """A request (class, count, mask, temperature, ...) that the model cannot answer."""


class Cancelled(Exception):
    """Raised by long-running work when its `cancel` callable returns True."""
