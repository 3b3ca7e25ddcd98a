"""A WebSocket client of a few lines, with the standard library (RFC 6455)."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
from typing import Any
from urllib.parse import urlsplit

from pixelart.ui.editor.messages import LAST


class SocketClient:
    """A connection to `path` of the app at `url`, with more headers. Raises ConnectionError if it is refused."""

    def __init__(self, url: str, path: str, **headers: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30)
        self._file = self._socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {"Host": parts.netloc, "Upgrade": "websocket", "Connection": "Upgrade"}
        lines |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key, **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
        status = self._file.readline()
        while self._file.readline().strip():
            pass
        if b" 101 " not in status:
            self.close()
            raise ConnectionError(status.decode())

    def __enter__(self) -> SocketClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def send(self, text: str) -> None:
        """One text message, masked as the standard wants it."""
        data, mask = text.encode(), os.urandom(4)
        size = len(data)
        head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else struct.pack("!BBQ", 0x81, 0xFF, size)
        if 126 <= size < 2**16:
            head = struct.pack("!BBH", 0x81, 0xFE, size)
        many = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(many, "big")).to_bytes(size, "big")
        self._socket.sendall(head + mask + masked)

    def receive(self) -> dict[str, Any]:
        """The next message. Raises ConnectionError when the server closes the connection."""
        text = b""
        while True:
            kind, payload = self._frame()
            if kind & 0x0F == 8:
                raise ConnectionError(f"closed: {payload!r}")
            if kind & 0x0F in (0, 1):
                text += payload
                if kind & 0x80:
                    return json.loads(text)

    def until_last(self) -> list[dict[str, Any]]:
        """All messages up to the last one of an answer."""
        answers = [self.receive()]
        while not any(key in answers[-1] for key in LAST):
            answers.append(self.receive())
        return answers

    def _frame(self) -> tuple[int, bytes]:
        head = self._file.read(2)
        if len(head) < 2:
            raise ConnectionError("closed")
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack("!H", self._file.read(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._file.read(8))[0]
        return head[0], self._file.read(size)
