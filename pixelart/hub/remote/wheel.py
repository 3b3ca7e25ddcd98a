"""A wheel of this very program, for a machine that is rented: the program is not on PyPI, and versions must agree."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib.metadata import PackageNotFoundError, version

from pixelart.hub.space import TORCH, package_files
from pixelart.settings import VERSION

REQUIRED = ("numpy", "pillow", "safetensors", "numba", "tqdm", "huggingface-hub")
"""The packages that a training needs, in the versions installed here. The page, and so gradio, stays here."""
_MADE = (2020, 1, 1, 0, 0, 0)
"""The date of all files: the same program makes the same bytes, which are uploaded only once."""


def make_wheel() -> tuple[str, bytes]:
    """The name of a wheel of the running program, and its bytes, which `pip install` accepts.

    torch comes in the versions that the Hub's machines have drivers for.

    Raises:
        OSError: a file of the program cannot be read.
    """
    info = f"pixelart-{VERSION}.dist-info"
    files = package_files()
    files[f"{info}/METADATA"] = _metadata().encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: pixelart\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    rows = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _MADE), data, zipfile.ZIP_DEFLATED)
    return f"pixelart-{VERSION}-py3-none-any.whl", buffer.getvalue()


def _metadata() -> str:
    needed = "".join(f"Requires-Dist: {each}\n" for each in [TORCH, *map(_pinned, REQUIRED)])
    return f"Metadata-Version: 2.1\nName: pixelart\nVersion: {VERSION}\nRequires-Python: >=3.10\n{needed}"


def _pinned(name: str) -> str:
    """A requirement of the version installed here."""
    try:
        return f"{name}=={version(name).partition('+')[0]}"
    except PackageNotFoundError:
        return name


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
