"""The few errors a user can cause. Each says what is wrong, which value, and which limit."""

from __future__ import annotations


class PixelArtError(ValueError):
    """Bad input, told in one plain line. The command line turns it into exit code 2."""


class ImageRejected(PixelArtError):
    """A picture that is not decoded: its format, size or content is outside the limits."""


class DataRejected(PixelArtError):
    """A folder or archive of pictures that cannot be trained on or evaluated."""


class WeightsRejected(PixelArtError):
    """A checkpoint that is damaged, incomplete, or not what its config says."""


class HubFailure(PixelArtError):
    """The Hugging Face Hub does not give or take what was asked for. `refused`: by its own answer, so that nothing came
    of it."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


class RequestRejected(PixelArtError):
    """A request (class, count, mask, temperature, ...) that the model cannot answer."""


class Cancelled(Exception):
    """Raised by what takes long when its `cancel` callable answers True."""
