"""Bytes and whole numbers of a file, each length checked before anything is allocated."""

from __future__ import annotations

import zlib

from pixelart.errors import DataRejected

DAMAGED_FILE = "the file is damaged or cut off"


class ByteWriter:
    """Builds up `data`."""

    def __init__(self) -> None:
        self.data = bytearray()

    def number(self, value: int) -> None:
        """A whole number from 0, seven bits a byte, lowest first; the top bit means that more follow (LEB128)."""
        while value > 127:
            self.data.append(value & 127 | 128)
            value >>= 7
        self.data.append(value)

    def block(self, data: bytes) -> None:
        """Bytes after their length."""
        self.number(len(data))
        self.data += data

    def packed(self, data: bytes) -> None:
        """Bytes, deflated, after their length and that of the result."""
        self.number(len(data))
        self.block(zlib.compress(data, 9))


class ByteReader:
    """Reads what a `ByteWriter` wrote. Every method raises DataRejected if the data are cut off or exceed a limit."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = memoryview(data), 0

    @property
    def left(self) -> int:
        """Bytes that are not read yet."""
        return len(self._data) - self._at

    def bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > self.left:
            raise DataRejected(DAMAGED_FILE)
        self._at += count
        return bytes(self._data[self._at - count : self._at])

    def number(self, most: int) -> int:
        """A whole number from 0 to `most`."""
        value = 0
        for shift in range(0, 63, 7):
            (byte,) = self.bytes(1)
            value |= (byte & 127) << shift
            if byte < 128:
                break
        else:
            raise DataRejected(DAMAGED_FILE)
        if value > most:
            raise DataRejected(f"{DAMAGED_FILE}: it holds the number {value}; the limit there is {most}")
        return value

    def block(self, most: int) -> bytes:
        """Bytes after their length of at most `most`."""
        return self.bytes(self.number(most))

    def packed(self, most: int) -> bytes:
        """Deflated bytes, at most `most` of them."""
        size = self.number(most)
        packed = self.block(self.left)
        try:
            inflate = zlib.decompressobj()
            found = inflate.decompress(packed, size + 1)
        except zlib.error as error:
            raise DataRejected(DAMAGED_FILE) from error
        if len(found) != size or not inflate.eof or inflate.unused_data:
            raise DataRejected(DAMAGED_FILE)
        return found
