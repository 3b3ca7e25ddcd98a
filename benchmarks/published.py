"""Published figures of others, each with its data; tables show them in a column of their own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A value in the unit of its table, its data, and its source."""

    value: float
    data: str
    source: str

    def __str__(self) -> str:
        return f"{self.value:.2f} {self.data} ({self.source})"


_PIXEL_RNN, _GATED, _SNAIL = "1601.06759", "1606.05328", "1712.09763"
_GENERATIVE = "README of pytorch-generative"

BITS_PER_DIM: dict[str, tuple[Figure, ...]] = {
    "pixelcnn": (Figure(3.14, "CIFAR-10 test", _PIXEL_RNN),),
    "row_lstm": (
        Figure(3.07, "CIFAR-10 test", _PIXEL_RNN),
        Figure(3.86, "ImageNet 32 validation", _PIXEL_RNN),
        Figure(3.63, "ImageNet 64 validation", _PIXEL_RNN),
    ),
    "diagonal_bilstm": (Figure(3.00, "CIFAR-10 test", _PIXEL_RNN),),
    "gated_pixelcnn": (
        Figure(3.03, "CIFAR-10 test", _GATED),
        Figure(3.83, "ImageNet 32", _GATED),
        Figure(3.57, "ImageNet 64", _GATED),
    ),
    "pixelcnn_plus_plus": (Figure(2.92, "CIFAR-10 test", "1701.05517"),),
    "pixelsnail": (
        Figure(2.85, "CIFAR-10 test", _SNAIL),
        Figure(3.80, "ImageNet 32", _SNAIL),
        Figure(3.52, "ImageNet 64", _SNAIL),
    ),
}
"""Variant -> figures of its paper: full-size networks, unconditional, without augmentation."""

MNIST_NATS: dict[str, dict[str, Figure]] = {
    "static": {"diagonal_bilstm": Figure(79.20, "static MNIST", _PIXEL_RNN)},
    "dynamic": {
        "pixelcnn": Figure(81.45, "dynamic MNIST", _GENERATIVE),
        "gated_pixelcnn": Figure(81.50, "dynamic MNIST", _GENERATIVE),
        "pixelsnail": Figure(78.61, "dynamic MNIST", _GENERATIVE),
    },
}
"""Binarisation -> variant -> nats per image. Static and dynamic MNIST are different data."""

MNIST_RECORDS: dict[str, Figure] = {
    "static": Figure(79.03, "static MNIST", "VLAE"),
    "dynamic": Figure(77.56, "dynamic MNIST", "LMConv, 2006.12486"),
}
"""The lowest published nats; a result far below means that the model leaks the future."""


def published(variant: str) -> str:
    """The table cell with the figures of a variant's paper."""
    return "; ".join(map(str, BITS_PER_DIM.get(variant, ()))) or "none"
