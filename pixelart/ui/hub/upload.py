"""Load a model from its .zip, in the line of Load: the page sends it in parts, then it is checked and chosen.

It works only for visitors on the machine where the program runs, like loading from the Hub."""

from __future__ import annotations

import os
import re
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from pixelart.engine import Engine
from pixelart.errors import PixelArtError, RequestRejected
from pixelart.hub import MAX_ARCHIVE_BYTES, unpack_checkpoint
from pixelart.jobs.names import free_name
from pixelart.ui.gradio_parts import event_data
from pixelart.ui.models_list import model_choices
from pixelart.ui.security.local_request import from_own_machine
from pixelart.ui.status import status_progress, status_text
from pixelart.ui.train.report import plain
from pixelart.ui.uploaded import file_bytes
from pixelart.ui.worker import Worker

LOAD_NOT_HERE = "A model can be loaded only in a browser on the machine where the program runs."
PART_BYTES = 3 * 2**20
"""Size of a part; in base64 it fits into a request."""
PARTS_LOST = "The parts of this file did not arrive in order. Drop it again."


class ModelUpload:
    """A .zip of `size` bytes that arrives in parts. Its file is deleted with this object: when the next upload begins,
    or when the page's session ends."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size, self.received = name, size, 0
        handle, path = tempfile.mkstemp(prefix="model-", suffix=".zip")
        os.close(handle)
        self.path = Path(path)
        weakref.finalize(self, self.path.unlink, missing_ok=True)

    def write(self, data: bytes) -> None:
        """Add the next part. Raises OSError."""
        with self.path.open("ab") as file:
            file.write(data)
        self.received += len(data)


class UploadHandlers:
    """The handlers of the page."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def receive_part(self, upload: Any, request: gr.Request, event: gr.EventData) -> tuple[Any, Any]:
        """upload, answer: store a part; the answer says how many bytes there are, or why it failed."""
        part = event_data(event)
        number = part.get("number") if isinstance(part, dict) else None
        answer = {"number": number if type(number) is int else 0}
        try:
            if not from_own_machine(request):
                raise RequestRejected(LOAD_NOT_HERE)
            upload = _with_part(upload if isinstance(upload, ModelUpload) else None, part)
        except (PixelArtError, OSError) as error:
            return None, {**answer, "failed": plain(error)}
        return upload, {**answer, "next": upload.received}

    def add_model(self, upload: Any, request: gr.Request) -> Iterator[tuple[Any, Any, Any, Any]]:
        """upload, status, models, notice: check the whole .zip, add its model and choose it.

        A failure is shown on the status line, and raises gr.Error so that no chained event runs."""
        try:
            if not from_own_machine(request):
                raise RequestRejected(LOAD_NOT_HERE)
            if not isinstance(upload, ModelUpload) or upload.received != upload.size:
                raise RequestRejected(PARTS_LOST)
            folder = self.engine.library.folder
            name = free_name(model_name(upload.name), (), checkpoints=folder)
            worker = Worker[Path, None](lambda tell, cancel: unpack_checkpoint(upload.path, folder, name))
            yield gr.skip(), status_progress(f"Checking {upload.name:.80}", done=0, rows=0), gr.skip(), gr.skip()
            for _ in worker.watch(interval=0.3):
                yield gr.skip(), gr.skip(), gr.skip(), gr.skip()
            worker.result()
            choices = model_choices(self.engine.list_checkpoints())
        except (PixelArtError, OSError) as error:
            message = plain(error).replace(f"{self.engine.library.folder}/", "")
            if isinstance(upload, ModelUpload):
                message = message.replace(upload.path.name, upload.name)
            yield None, status_text(message), gr.skip(), gr.skip()
            raise gr.Error(message, visible=False, print_exception=False) from error  # the status shows it
        models = gr.Dropdown(choices=list(choices), value=name, interactive=True)
        yield None, status_text(f"{name} is loaded and chosen."), models, gr.HTML(visible=False)


def _with_part(upload: ModelUpload | None, part: Any) -> ModelUpload:
    """The upload with one more part. Raises RequestRejected, ImageRejected or OSError."""
    values = part if isinstance(part, dict) else {}
    name, size, offset, text = (values.get(key) for key in ("name", "size", "offset", "data"))
    if not isinstance(name, str) or type(size) is not int or type(offset) is not int or not isinstance(text, str):
        raise RequestRejected(PARTS_LOST)
    name = name.replace("\\", "/").rsplit("/", 1)[-1][:80] or "model.zip"
    if not 0 < size <= MAX_ARCHIVE_BYTES:
        raise RequestRejected(f"{name}: {size >> 20} MiB; the limit is {MAX_ARCHIVE_BYTES >> 20} MiB")
    data = file_bytes(text, name=name)
    if offset == 0:
        upload = ModelUpload(name, size)
    if upload is None or (upload.name, upload.size, upload.received) != (name, size, offset):
        raise RequestRejected(PARTS_LOST)
    if not data or offset + len(data) > size:
        raise RequestRejected(PARTS_LOST)
    upload.write(data)
    return upload


def model_name(archive: str) -> str:
    """The name of a model from that of its .zip, without the " (1)" that browsers add to a second download."""
    stem = re.sub(r" \(\d+\)$", "", Path(archive).stem)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:64] or "model"
