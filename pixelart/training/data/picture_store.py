"""Sets of pictures that may exceed memory: each picture is stored compressed and unpacked on access."""

from __future__ import annotations

import tempfile
import threading
import weakref
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.images.codec import Codec, Picture
from pixelart.system.memory import MIB

MEMORY = 16 * MIB
"""Bytes of compressed data kept in memory; larger sets go to an unnamed temporary file."""
QUICKEST = 1


class Store:
    """uint8 arrays of any shapes, by number. Thread-safe."""

    def __init__(self, folder: Path | None = None, *, memory: int = MEMORY) -> None:
        """`folder`: of the temporary file; the system's folder if None."""
        self._file = tempfile.SpooledTemporaryFile(memory, dir=folder and str(folder))  # noqa: SIM115
        self._places: list[tuple[int, int, tuple[int, ...]]] = []  # start, length, shape
        self._end = 0
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return len(self._places)

    def add(self, array: NDArray[np.uint8]) -> int:
        """Store an array and return its number. Raises OSError if the disk is full."""
        data = zlib.compress(np.ascontiguousarray(array).tobytes(), QUICKEST)
        with self._lock:
            self._file.seek(self._end)
            self._file.write(data)
            self._places.append((self._end, len(data), array.shape))
            self._end += len(data)
            return len(self._places) - 1

    def get(self, number: int) -> NDArray[np.uint8]:
        """A copy of the array."""
        start, length, shape = self._places[number]
        with self._lock:
            self._file.seek(start)
            data = self._file.read(length)
        return np.frombuffer(bytearray(zlib.decompress(data)), np.uint8).reshape(shape)

    def shape(self, number: int) -> tuple[int, ...]:
        """The shape of an array."""
        return self._places[number][2]


class Pictures(Sequence[Any]):
    """N pictures of one size as an array (N, H, W, 4), read on access."""

    dtype, ndim = np.dtype(np.uint8), 4

    def __init__(self, store: Store, numbers: Sequence[int], size: tuple[int, int]) -> None:
        """The pictures `numbers` in `store`, each of `size`, (height, width)."""
        self._store, self._numbers = store, np.asarray(numbers, np.int64)
        self.shape = (len(self._numbers), *size, 4)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | np.integer):
            return self._store.get(int(self._numbers[key]))
        if isinstance(key, tuple):
            return np.asarray(self)[key]
        return self.take(np.arange(len(self))[key])._stacked()

    def __iter__(self) -> Iterator[Picture]:
        return (self._store.get(number) for number in self._numbers.tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Picture:
        """All pictures at once; for small sets."""
        return self._stacked()

    def take(self, rows: NDArray[np.int64], axis: int = 0) -> Pictures:
        """The pictures `rows` (n,)."""
        return Pictures(self._store, self._numbers[rows].tolist(), (self.shape[1], self.shape[2]))

    def _stacked(self) -> Picture:
        return np.stack(list(self)) if len(self) else np.zeros(self.shape, np.uint8)


class EncodedSet:
    """N encoded pictures, int64 (N, C, H, W), unpacked on access."""

    def __init__(self, store: Store, numbers: NDArray[np.int64], size: tuple[int, ...]) -> None:
        """The arrays `numbers` in `store`, each of `size`, (C, H, W)."""
        self._store, self._numbers, self.shape = store, numbers, torch.Size((len(numbers), *size))

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, key: Any) -> Tensor:
        chosen = self._numbers[key.numpy() if isinstance(key, Tensor) else key]
        if not isinstance(chosen, np.ndarray):
            return torch.from_numpy(self._store.get(int(chosen))).long()
        if not len(chosen):
            return torch.zeros(0, *self.shape[1:], dtype=torch.long)
        return torch.from_numpy(np.stack([self._store.get(number) for number in chosen.tolist()])).long()

    def select(self, rows: Tensor) -> EncodedSet:
        """The pictures `rows` (n,), without unpacking them."""
        return EncodedSet(self._store, self._numbers[rows.numpy()], tuple(self.shape[1:]))


def encode_set(codec: Codec, pictures: Picture | Pictures, *, folder: Path | None = None) -> EncodedSet:
    """Encode pictures (N, H, W, 4) one by one; large sets are stored in a file in `folder`."""
    store = Store(folder)
    for picture in pictures:
        store.add(codec.encode(picture[None])[0].numpy().astype(np.uint8))
    return EncodedSet(store, np.arange(len(store)), (codec.channels, *pictures.shape[1:3]))
