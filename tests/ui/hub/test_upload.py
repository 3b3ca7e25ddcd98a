"""The .zip of a model arrives in parts from the page, and becomes a model; only on the machine itself."""

from __future__ import annotations

import base64
import gc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
import torch

from pixelart.engine import Engine
from pixelart.hub import MAX_ARCHIVE_BYTES
from pixelart.training.export import exported_archive
from pixelart.ui.hub import upload as upload_module
from pixelart.ui.hub.upload import LOAD_NOT_HERE, PARTS_LOST, ModelUpload, UploadHandlers, model_name

HERE: Any = SimpleNamespace()


@pytest.fixture
def handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UploadHandlers:
    monkeypatch.setattr(upload_module, "from_own_machine", lambda request: request is HERE)
    (tmp_path / "checkpoints").mkdir()
    return UploadHandlers(Engine(tmp_path / "checkpoints", device=torch.device("cpu")))


def part(data: bytes, offset: int, size: int, *, name: str = "my model.zip", number: int = 1) -> Any:
    text = base64.b64encode(data).decode()
    return SimpleNamespace(_data={"name": name, "size": size, "number": number, "offset": offset, "data": text})


def send(handlers: UploadHandlers, data: bytes, *, name: str = "my model.zip", step: int = 10_000) -> Any:
    upload: Any = None
    for offset in range(0, len(data), step):
        event = part(data[offset : offset + step], offset, len(data), name=name)
        upload, answer = handlers.receive_part(upload, HERE, event)
        assert answer == {"number": 1, "next": min(len(data), offset + step)}
    return upload


def test_a_downloaded_model_is_loaded_again_and_chosen(handlers: UploadHandlers, tiny_run: Path) -> None:
    archive = exported_archive(tiny_run, "mine")
    for name in ("my-model", "my-model-2"):
        upload = send(handlers, archive)
        assert isinstance(upload, ModelUpload) and upload.path.read_bytes() == archive
        *_, (left, status, models, notice) = handlers.add_model(upload, HERE)
        assert left is None and f"{name} is loaded and chosen." in status and models.value == name
        assert not notice.visible and handlers.engine.info(name).width == 8
        path = upload.path
        del upload
        gc.collect()
        assert not path.exists(), "the .zip is deleted"


def test_what_is_no_model_is_told_by_its_name(handlers: UploadHandlers) -> None:
    with pytest.raises(gr.Error, match=r"bad\.zip: the archive cannot be read"):
        list(handlers.add_model(send(handlers, b"not a zip", name="C:\\art\\bad.zip"), HERE))
    assert list(handlers.engine.library.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, PARTS_LOST), ({}, PARTS_LOST), ([], PARTS_LOST),
        ({"name": "a", "size": True, "offset": 0, "data": ""}, PARTS_LOST),
        ({"name": "a", "size": MAX_ARCHIVE_BYTES + 1, "offset": 0, "data": "AA=="}, "the limit is"),
        ({"name": "a", "size": 0, "offset": 0, "data": "AA=="}, "the limit is"),
        ({"name": "a", "size": 5, "offset": 3, "data": "AA=="}, PARTS_LOST),
        ({"name": "a", "size": 1, "offset": 0, "data": "AAAA"}, PARTS_LOST),
        ({"name": "a", "size": 5, "offset": 0, "data": ""}, PARTS_LOST),
        ({"name": "a", "size": 5, "offset": 0, "data": "<b>"}, "not base64"),
        ({"name": "a", "size": 9**8, "offset": 0, "data": "A" * 8 * 2**20}, "larger than the limit"),
    ],
)  # fmt: skip
def test_a_part_that_does_not_fit_ends_the_upload(handlers: UploadHandlers, data: Any, told: str) -> None:
    upload, answer = handlers.receive_part(None, HERE, SimpleNamespace(_data=data))  # pyright: ignore[reportArgumentType]
    assert upload is None and told in answer["failed"]
    with pytest.raises(gr.Error, match=PARTS_LOST):
        list(handlers.add_model(upload, HERE))


def test_parts_that_are_missing_are_noticed(handlers: UploadHandlers) -> None:
    upload, _ = handlers.receive_part(None, HERE, part(b"abc", 0, 9))
    with pytest.raises(gr.Error, match=PARTS_LOST):
        list(handlers.add_model(upload, HERE))
    assert PARTS_LOST in handlers.receive_part(upload, HERE, part(b"x", 5, 9))[1]["failed"]
    assert PARTS_LOST in handlers.receive_part(upload, HERE, part(b"x", 3, 9, name="b.zip"))[1]["failed"]


def test_nobody_else_may_add_a_model(handlers: UploadHandlers) -> None:
    upload, answer = handlers.receive_part(None, SimpleNamespace(), part(b"abc", 0, 3))  # pyright: ignore[reportArgumentType]
    assert upload is None and answer["failed"] == LOAD_NOT_HERE
    with pytest.raises(gr.Error, match=LOAD_NOT_HERE):
        list(handlers.add_model(send(handlers, b"abc"), SimpleNamespace()))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("archive", "name"),
    [("mine.zip", "mine"), ("my art (1).zip", "my-art"), ("...zip", "model"), ("é.zip", "model"), ("v1.5.zip", "v1.5")],
)
def test_the_name_is_that_of_the_file(archive: str, name: str) -> None:
    assert model_name(archive) == name
