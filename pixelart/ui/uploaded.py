"""Read the files that a page or a client posts: base64 in JSON."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from pixelart.errors import ImageRejected
from pixelart.settings import SETTINGS


def uploaded_file(data: Any) -> tuple[str, bytes]:
    """(name, bytes) of a posted file. Raises ImageRejected."""
    name, text = (data.get(k) if isinstance(data, dict) else None for k in ("name", "data"))
    if not isinstance(name, str) or not isinstance(text, str):
        raise ImageRejected("import: expected a name and the bytes of a file")
    name = name.replace("\\", "/").rsplit("/", 1)[-1][:80] or "picture"
    return name, file_bytes(text, name=name)


def file_bytes(text: str, *, name: str) -> bytes:
    """Decode a base64 file; `name` is used in errors. Raises ImageRejected."""
    if len(text) > SETTINGS.max_file_bytes * 4 // 3 + 4:
        raise ImageRejected(f"{name}: larger than the limit of {SETTINGS.max_file_bytes // 2**20} MiB")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageRejected(f"{name}: not base64") from error
