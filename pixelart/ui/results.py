"""Results as files and captions."""

from __future__ import annotations

import base64
import math
import mimetypes
import re
import time
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from pixelart.codec import Picture
from pixelart.engine import Drawing


def bits(drawing: Drawing) -> float:
    """-log2 p of the whole picture: the fewer, the likelier."""
    return -drawing.log_prob / math.log(2)


def seed_caption(drawing: Drawing) -> str:
    """What stands under a generated picture."""
    return f"seed {drawing.seed}"


def candidate_caption(drawing: Drawing) -> str:
    """What stands under a completion: how likely it is, and its seed."""
    return f"seed {drawing.seed}\n{bits(drawing):.0f} bits"


def file_name(drawing: Drawing, *, scale: int = 1, suffix: str = "png") -> str:
    """Such as hero_1234_32x32.png, or hero_1234_128x128.png at scale 4."""
    name = next(iter(drawing.settings.get("class_weights") or {}), "any")
    return f"{_plain(name)}_{drawing.seed}_{_size(drawing.picture, scale)}.{suffix}"


def canvas_file_name(picture: Picture, *, scale: int, suffix: str = "png") -> str:
    """Such as canvas_128x128.png."""
    return f"canvas_{_size(picture, scale)}.{suffix}"


def sheet_file_name(sheet: Picture, *, count: int, scale: int) -> str:
    """Such as sheet_16_128x128.png."""
    return f"sheet_{count}_{_size(sheet, scale)}.png"


def gallery_items(drawings: list[Drawing], captions: list[str], *, gallery: gr.Gallery) -> list[tuple[str, str]]:
    """(path, caption) of every drawing's own PNG, in gradio's cache, which is emptied by age (`delete_cache`)."""
    paths = [save_bytes_to_cache(d.png(), file_name(d), gallery.GRADIO_CACHE) for d in drawings]
    gallery.temp_files.update(paths)
    return list(zip(paths, captions, strict=True))


def download_value(name: str, data: bytes) -> dict[str, str | int]:
    """What the file saver takes; the time makes the same file twice two events."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"name": name, "type": kind, "data": base64.b64encode(data).decode(), "asked": time.monotonic_ns()}


def _size(picture: Picture, scale: int) -> str:
    return f"{picture.shape[1] * scale}x{picture.shape[0] * scale}"


def _plain(name: str) -> str:
    return re.sub(r"[^\w-]+", "-", Path(name).name).strip("-") or "any"
