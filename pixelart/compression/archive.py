"""The file format: pictures of one checkpoint, each level coded by its probability. Exact, or refused.

    "PXC", version 1
    name of the checkpoint: length, UTF-8
    digest of the checkpoint: 8 bytes of SHA-256
    checksum of the listing and of all pixels (RGBA): 8 bytes of SHA-256
    most pictures in a chunk
    listing: sizes, names, classes, colours, odd pixels (see listing.py); its length, the deflated length, deflated
    for each chunk of pictures of one size: the offset of its tables (see coder.py), number of words, words of 32 bits

Numbers are LEB128, words little-endian. The words of a chunk are those of a range coder: the colours of each picture
(see palettes.py) if the palette is an input of the network, then the levels of all its pictures in drawing order,
picture after picture at each pixel.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.checkpoint.library import Checkpoint
from pixelart.compression import listing as listings
from pixelart.compression.binary import DAMAGED_FILE, ByteReader, ByteWriter
from pixelart.compression.coder import OFFSETS, LevelRecorder, Reader, new_decoder, new_encoder
from pixelart.compression.listing import (
    MAX_FILE_COLOURS,
    Listing,
    OddPixel,
    Size,
    check_amount,
    check_names,
    parse_listing,
)
from pixelart.compression.palettes import PaletteCoder, coded_colours
from pixelart.engine.completion import palette_of
from pixelart.errors import DataRejected
from pixelart.images.codec import Codec, EachPalette, Paletted, Picture
from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel
from pixelart.progress import Cancel
from pixelart.sampling.coded import Pick, code_levels

MAGIC, FORMAT_VERSION = b"PXC", 1
SUFFIX = ".pxc"
CHUNK_PICTURES = 32
"""Pictures that are decoded side by side."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class NamedPicture:
    """A picture RGBA (H, W, 4), its name with folders, and its class; None = any."""

    name: str
    picture: Picture
    class_name: str | None = None


@dataclass(frozen=True)
class FileHeader:
    """The start of a file."""

    checkpoint: str
    digest: bytes
    checksum: bytes
    chunk: int
    listing: Listing


def compress(
    loaded: Checkpoint,
    pictures: Sequence[NamedPicture],
    *,
    chunk: int = CHUNK_PICTURES,
    on_progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> bytes:
    """A file with the pictures, which `decompress` returns exactly.

    Raises:
        RequestRejected: a size that the checkpoint does not draw, an unknown class, or a missing package.
        DataRejected: no picture, too many, names that no folder can hold together, or more than a listing holds.
        Cancelled: `cancel` returned True.
    """
    pictures = sorted(pictures, key=lambda one: (one.picture.shape, one.name))
    _check(loaded, pictures)
    coding = _Coding(loaded)
    listing = coding.listing(pictures)
    body, odd, palettes = ByteWriter(), list[OddPixel](), coding.palettes(listing)
    for numbers in _chunks(listing, chunk):
        some = [pictures[number].picture for number in numbers]
        encoder, recorder = new_encoder(), LevelRecorder()
        codec = coding.codec([palettes.write(encoder, one) for one in some] if palettes else [])
        x = codec.encode(np.stack(some))
        coding.levels(codec, x, [listing.classes[number] for number in numbers], recorder, known=True, cancel=cancel)
        offset = recorder.offset()
        recorder.write(encoder, offset)
        body.number(offset)
        body.block(encoder.get_compressed().astype("<u4").tobytes())
        odd += _odd_pixels(numbers, some, codec.decode(x))
        if on_progress:
            on_progress(numbers.stop, len(pictures))
    listing = Listing(listing.sizes, listing.names, listing.classes, listing.colours, tuple(odd))
    checksum = _checksum(listing.to_bytes(), [one.picture for one in pictures])
    return _start(FileHeader(loaded.info.name, coding.digest, checksum, chunk, listing)) + bytes(body.data)


def decompress(
    data: bytes,
    load: Callable[[str], Checkpoint],
    *,
    checkpoint: str | None = None,
    on_progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> list[NamedPicture]:
    """The pictures of a file. `load` gives a checkpoint by its name; `checkpoint`: a name other than the file's.

    Raises:
        RequestRejected: no such checkpoint, or a missing package.
        DataRejected: not such a file, damaged, made with other weights, or not exact on this machine.
        Cancelled: `cancel` returned True.
    """
    header, given = read_header(data)
    loaded = load(checkpoint or header.checkpoint)
    coding, listing = _Coding(loaded), header.listing
    if coding.digest != header.digest:
        raise DataRejected(f"made with other weights than those of {loaded.info.name} here")
    for size in listing.sizes:
        loaded.info.check_size(size.height, size.width)
    if max(listing.classes) >= len(loaded.info.classes):
        raise DataRejected(DAMAGED_FILE)
    found, palettes = list[Picture](), coding.palettes(listing)
    for numbers in _chunks(listing, header.chunk):
        offset, words = given.number(OFFSETS - 1), given.block(given.left)
        if len(words) % 4:
            raise DataRejected(DAMAGED_FILE)
        decoder = new_decoder(np.frombuffer(words, "<u4").astype(np.uint32))
        codec = coding.codec([palettes.read(decoder) for _ in numbers] if palettes else [])
        x = torch.zeros(len(numbers), codec.channels, *_size_of(listing, numbers.start), dtype=torch.int64)
        classes = [listing.classes[number] for number in numbers]
        x = coding.levels(codec, x, classes, Reader(decoder, offset), known=False, cancel=cancel)
        found += list(codec.decode(x))
        if on_progress:
            on_progress(numbers.stop, len(listing.names))
    for pixel in listing.odd:
        found[pixel.picture].reshape(-1, 4)[pixel.position] += np.frombuffer(pixel.rgba, np.uint8)
    if given.left or _checksum(listing.to_bytes(), found) != header.checksum:
        raise DataRejected("the pictures would not be the ones that were compressed: the file is damaged")
    return [NamedPicture(name, one) for name, one in zip(listing.names, found, strict=True)]


def read_header(data: bytes) -> tuple[FileHeader, ByteReader]:
    """The header of a file, and what follows. Raises DataRejected if it is not such a file, or damaged."""
    given = ByteReader(data)
    if given.left < 4 or given.bytes(3) != MAGIC:
        raise DataRejected(f"not a file of compressed pictures ({SUFFIX})")
    if (version := given.number(127)) != FORMAT_VERSION:
        raise DataRejected(f"version {version} of the format; this program reads version {FORMAT_VERSION}")
    try:
        name = given.block(255).decode()
    except UnicodeDecodeError as error:
        raise DataRejected(DAMAGED_FILE) from error
    digest, checksum, chunk = given.bytes(8), given.bytes(8), given.number(CHUNK_PICTURES)
    if not chunk:
        raise DataRejected(DAMAGED_FILE)
    return FileHeader(name, digest, checksum, chunk, parse_listing(given.packed(listings.MAX_LISTING_BYTES))), given


def _start(header: FileHeader) -> bytes:
    out = ByteWriter()
    out.data += MAGIC
    out.number(FORMAT_VERSION)
    out.block(header.checkpoint.encode())
    out.data += header.digest + header.checksum
    out.number(header.chunk)
    out.packed(header.listing.to_bytes())
    return bytes(out.data)


class _Coding:
    """A checkpoint in double precision, which `STEP_MARGIN` needs."""

    def __init__(self, loaded: Checkpoint) -> None:
        self._loaded, self.codec_of_all = loaded, loaded.codec

    @cached_property
    def _model(self) -> AutoregressiveModel:
        model = self._loaded.config.build()  # a copy would have the hooks of a drawing that is under way
        model.load_state_dict(self._loaded.model.state_dict())
        device = torch.device("cpu") if self._loaded.device.type == "mps" else self._loaded.device  # it has no float64
        return model.to(device).double().eval().requires_grad_(False)

    @cached_property
    def digest(self) -> bytes:
        """Of the weights, and of all in the config that probabilities and colours depend on."""
        config = self._loaded.config
        parts = [self._loaded.identity["revision"], config.model, config.model_config, config.codec, config.classes]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()[:8]

    def listing(self, pictures: Sequence[NamedPicture]) -> Listing:
        """The listing of sorted pictures, without odd pixels."""
        shapes = Counter(one.picture.shape[:2] for one in pictures)
        sizes = tuple(Size(height, width, count) for (height, width), count in shapes.items())
        codec, colours = self.codec_of_all, set[bytes]()
        if isinstance(codec, Paletted):
            colours = set().union(*(coded_colours(one.picture, codec) for one in pictures))
            colours -= {bytes(colour) for colour in codec.colours}
        if len(colours) > MAX_FILE_COLOURS:
            raise DataRejected(f"{len(colours)} colours; the limit is {MAX_FILE_COLOURS} in a file")
        classes = tuple(
            -1 if one.class_name is None else int(self._loaded.class_weights(one.class_name).argmax())
            for one in pictures
        )
        table = np.frombuffer(b"".join(sorted(colours)), np.uint8).reshape(-1, 3)
        return Listing(sizes, tuple(one.name for one in pictures), classes, table)

    def palettes(self, listing: Listing) -> PaletteCoder | None:
        """The coder of the pictures' palettes; None if the palette is not an input."""
        codec = self.codec_of_all
        return PaletteCoder(codec, listing.colours) if isinstance(codec, Paletted) else None

    def codec(self, own: Sequence[Paletted]) -> Codec:
        """The codec of a chunk, whose pictures have palettes of their `own` or none."""
        return EachPalette(own) if own else self.codec_of_all

    def levels(
        self,
        codec: Codec,
        x: Tensor,
        classes: Sequence[int],
        pick: Pick,
        *,
        known: bool,
        cancel: Cancel | None,
    ) -> Tensor:
        """The levels of pictures x (n, C, H, W) as `pick` chooses them, on the CPU; see `code_levels`."""
        device = next(self._model.parameters()).device
        each = torch.eye(len(self._loaded.info.classes), len(self._loaded.config.labels), dtype=torch.float64)
        any_class = torch.zeros_like(each[:1])
        context = Context(
            torch.cat([each, any_class])[list(classes)],
            x,
            torch.ones(len(x), *x.shape[2:], dtype=torch.bool),
            palette=palette_of(codec, torch.device("cpu"), count=len(x)),
        )
        return code_levels(self._model, context.to(device), pick, known=known, cancel=cancel).cpu()


def _check(loaded: Checkpoint, pictures: Sequence[NamedPicture]) -> None:
    if not pictures:
        raise DataRejected("there are no pictures to compress")
    check_amount(len(pictures), sum(one.picture.shape[0] * one.picture.shape[1] for one in pictures))
    check_names([one.name for one in pictures])
    for one in pictures:
        loaded.info.check_size(*one.picture.shape[:2], what=one.name)


def _chunks(listing: Listing, most: int) -> Iterator[range]:
    """The numbers of the pictures of each chunk: at most `most` of one size."""
    start = 0
    for size in listing.sizes:
        for first in range(start, start + size.count, most):
            yield range(first, min(first + most, start + size.count))
        start += size.count


def _size_of(listing: Listing, number: int) -> tuple[int, int]:
    for size in listing.sizes:
        if number < size.count:
            return size.height, size.width
        number -= size.count
    raise DataRejected(DAMAGED_FILE)


def _odd_pixels(numbers: range, pictures: Sequence[Picture], decoded: Picture) -> Iterator[OddPixel]:
    """The pixels of pictures that decode to another value."""
    for number, picture, other in zip(numbers, pictures, decoded, strict=True):
        rows, columns = np.nonzero((picture != other).any(-1))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            rgba = picture[row, column] - other[row, column]
            yield OddPixel(number, row * picture.shape[1] + column, rgba.tobytes())


def _checksum(listing: bytes, pictures: Sequence[NDArray[np.uint8]]) -> bytes:
    found = hashlib.sha256(listing)
    for picture in pictures:
        found.update(np.ascontiguousarray(picture).tobytes())
    return found.digest()[:8]
