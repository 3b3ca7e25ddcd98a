"""Ways to make a checkpoint hostile, each of which a reader must refuse."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from pixelart.checkpoint.format import CONFIG_FILE, WEIGHTS_FILE
from pixelart.settings import SETTINGS


class Bomb:
    """Unpickled, it writes the sentinel."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> Any:
        return Path.write_text, (self.sentinel, "run")


def _edit_config(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        values = json.loads((folder / CONFIG_FILE).read_text())
        (folder / CONFIG_FILE).write_text(json.dumps({**values, **changes}))

    return edit


def _edit_model(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        values = json.loads((folder / CONFIG_FILE).read_text())
        values["model_config"].update(changes)
        (folder / CONFIG_FILE).write_text(json.dumps(values))

    return edit


def _edit_context(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        values = json.loads((folder / CONFIG_FILE).read_text())
        values["model_config"]["context"].update(changes)
        (folder / CONFIG_FILE).write_text(json.dumps(values))

    return edit


def _drop_key(key: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        values = json.loads((folder / CONFIG_FILE).read_text())
        del values[key]
        (folder / CONFIG_FILE).write_text(json.dumps(values))

    return edit


def _config_text(text: str | bytes) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        (folder / CONFIG_FILE).write_bytes(text.encode() if isinstance(text, str) else text)

    return edit


def _edit_tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        tensors = safetensors.torch.load((folder / WEIGHTS_FILE).read_bytes())
        change(tensors)
        (folder / WEIGHTS_FILE).write_bytes(safetensors.torch.save(tensors))

    return edit


def _edit_header(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Rewrites the JSON header and leaves the values as they are."""

    def edit(folder: Path) -> None:
        data = (folder / WEIGHTS_FILE).read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + length])
        changed = change(header)
        text = changed if isinstance(changed, bytes) else json.dumps(header).encode()
        (folder / WEIGHTS_FILE).write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])

    return edit


def _edit_bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        (folder / WEIGHTS_FILE).write_bytes(change((folder / WEIGHTS_FILE).read_bytes()))

    return edit


def _pickled(wrap: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        data = wrap(pickle.dumps({"weight": Bomb(folder.parent.parent / "sentinel")}))
        for name in (WEIGHTS_FILE, "model.pt", "pytorch_model.bin"):
            (folder / name).write_bytes(data)

    return edit


def _zipped(data: bytes, name: str = "archive/data.pkl") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def _npz(data: bytes) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, weight=np.array([data, None], dtype=object))
    return buffer.getvalue()


def _swap_names(header: dict[str, Any]) -> None:
    a, b = [k for k in header if k != "__metadata__"][:2]
    header[a], header[b] = header[b], header[a]


def _first(header: dict[str, Any]) -> dict[str, Any]:
    return next(value for key, value in header.items() if key != "__metadata__")


def _overlap(header: dict[str, Any]) -> None:
    sized: dict[str, list[dict[str, Any]]] = {}
    for entry in header.values():
        sized.setdefault(json.dumps(entry["shape"]), []).append(entry)
    first, second = next(entries for entries in sized.values() if len(entries) > 1)[:2]
    second["data_offsets"] = first["data_offsets"]


def _hole(header: dict[str, Any]) -> None:
    last = max((entry for entry in header.values() if "shape" in entry), key=lambda entry: entry["data_offsets"])
    last["data_offsets"] = [offset + 4 for offset in last["data_offsets"]]


def _set(name: str, value: float) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors[name].view(-1)[-1] = value

    return change


def _grow(path: Path, size: int) -> None:
    with path.open("ab") as file:
        file.truncate(size)


def _duplicate(header: dict[str, Any]) -> bytes:
    """The first tensor announced twice: once as it must be, once as a huge one."""
    key = next(iter(header))
    huge = json.dumps({key: {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}})
    return (huge[:-1] + ", " + json.dumps(header)[1:]).encode()


LAST = "vote.bias"
HOSTILE: dict[str, Callable[[Path], Any]] = {
    "pickle": _pickled(bytes),
    "zip of a pickle, as torch.save writes": _pickled(_zipped),
    "npz of objects": _pickled(_npz),
    "zip behind a safetensors header": _pickled(lambda data: struct.pack("<Q", 2) + b"{}" + _zipped(data)),
    "npz bomb": _edit_bytes(lambda data: _zipped(bytes(1 << 26), "weight.npy")),
    "HDF5": _edit_bytes(lambda data: b"\x89HDF\r\n\x1a\n" + data),
    "header of 2^63": _edit_bytes(lambda data: struct.pack("<Q", 2**63) + data[8:]),
    "header of 2^64-1": _edit_bytes(lambda data: b"\xff" * 8 + data[8:]),
    "header of 100 MB": _edit_bytes(lambda data: struct.pack("<Q", 100_000_000) + data[8:]),
    "header of 0": _edit_bytes(lambda data: struct.pack("<Q", 0) + data[8:]),
    "header one too short": _edit_bytes(lambda data: struct.pack("<Q", data.index(b"}}") + 1 - 8) + data[8:]),
    "header that is a list": _edit_header(lambda header: b"[]"),
    "header of nested lists": _edit_header(lambda header: b"[" * 100_000),
    "header of huge numbers": _edit_header(lambda header: b'{"a": ' + b"9" * 10_000 + b"}"),
    "header without shapes": _edit_header(lambda header: _first(header).pop("shape")),
    "header with text for a shape": _edit_header(lambda header: _first(header).update(shape="12")),
    "offsets past the end": _edit_header(lambda header: _first(header).update(data_offsets=[0, 2**60])),
    "offsets below zero": _edit_header(lambda header: _first(header).update(data_offsets=[-4, 0])),
    "overlapping tensors": _edit_header(_overlap),
    "a hole between tensors": _edit_header(_hole),
    "the same tensor twice": _edit_header(_duplicate),
    "shape of 2^40": _edit_header(lambda header: _first(header).update(shape=[2**40])),
    "another type": _edit_header(lambda header: _first(header).update(dtype="F16")),
    "no such type": _edit_header(lambda header: _first(header).update(dtype="__reduce__")),
    "names swapped": _edit_header(_swap_names),
    "half precision": _edit_tensors(lambda tensors: tensors.update({k: v.half() for k, v in tensors.items()})),
    "a tensor too few": _edit_tensors(lambda tensors: tensors.pop(LAST)),
    "a tensor too many": _edit_tensors(lambda tensors: tensors.update(extra=torch.zeros(1))),
    "a saved mask of ones": _edit_tensors(lambda tensors: tensors.update({"logits.mask": torch.ones(5, 8, 1, 1)})),
    "a renamed tensor": _edit_tensors(lambda tensors: tensors.update(x=tensors.pop(LAST))),
    "a transposed tensor": _edit_tensors(
        lambda tensors: tensors.update({"vote.weight": tensors["vote.weight"].transpose(0, 1).contiguous()})
    ),
    "NaN": _edit_tensors(_set(LAST, float("nan"))),
    "infinity": _edit_tensors(_set(LAST, float("inf"))),
    "minus infinity": _edit_tensors(_set("colours.weight", -float("inf"))),
    "a weight of 1e20": _edit_tensors(_set(LAST, 1e20)),
    "weights of -1e20": _edit_tensors(lambda tensors: [tensor.fill_(-1e20) for tensor in tensors.values()]),
    "weights cut by a byte": _edit_bytes(lambda data: data[:-1]),
    "weights cut in half": _edit_bytes(lambda data: data[: len(data) // 2]),
    "weights cut in the header": _edit_bytes(lambda data: data[:30]),
    "weights with more behind them": _edit_bytes(lambda data: data + b"\0" * 4),
    "empty weights": _edit_bytes(lambda data: b""),
    "weights beyond the limit": lambda folder: _grow(folder / WEIGHTS_FILE, SETTINGS.max_weights_bytes + 1),
    "config beyond the limit": lambda folder: _grow(folder / CONFIG_FILE, 1 << 40),
    "no weights": lambda folder: (folder / WEIGHTS_FILE).unlink(),
    "no config": lambda folder: (folder / CONFIG_FILE).unlink(),
    "a folder for weights": lambda folder: ((folder / WEIGHTS_FILE).unlink(), (folder / WEIGHTS_FILE).mkdir()),
    "a folder for config": lambda folder: ((folder / CONFIG_FILE).unlink(), (folder / CONFIG_FILE).mkdir()),
    "config is empty": _config_text(""),
    "config is no JSON": _config_text("{"),
    "config is no UTF-8": _config_text(b'{"format": "\xff\xfe"}'),
    "config is a list": _config_text("[1, 2]"),
    "config with a key twice": _config_text('{"format": 1, "format": 1}'),
    "config is null": _config_text("null"),
    "config of nested lists": _config_text("[" * 200_000),
    "config of huge numbers": _config_text('{"format": ' + "9" * 10_000 + "}"),
    "another format": _edit_config(format=2),
    "another library": _edit_config(library="other"),
    "an unknown key": _edit_config(run="rm -rf"),
    "no codec": _drop_key("codec"),
    "no classes": _drop_key("classes"),
    "no model": _drop_key("model"),
    "an unknown model": _edit_config(model="transformer"),
    "a model by path": _edit_config(model="os.system"),
    "a list for a model": _edit_config(model=[]),
    "a number for a model": _edit_config(model=1),
    "a list for the model's config": _edit_config(model_config=[]),
    "a list for a codec": _edit_config(codec=[]),
    "an unknown codec": _edit_config(codec={"name": "cmyk"}),
    "a codec of other levels": _edit_config(codec={"name": "indexed", "colours": ["ff0000"]}),
    "a codec of other channels": _edit_config(codec={"name": "rgb", "background": [0, 0, 0]}),
    "numbers for colours": _edit_config(codec={"name": "indexed", "colours": [1, 2, 3, 4]}),
    "a class too many": _edit_config(classes=["cross", "stripe", "more"]),
    "a class twice": _edit_config(classes=["cross", "cross"]),
    "numbers for classes": _edit_config(classes=[1, 2]),
    "an empty class name": _edit_config(classes=["", "stripe"]),
    "a class name of a megabyte": _edit_config(classes=["x" * 900_000, "stripe"]),
    "half a pair of code units in a class name": _edit_config(classes=["\ud800", "stripe"]),
    "half a pair of code units elsewhere": _edit_config(training={"base": "\udfff"}),
    "NaN in the training's values": _edit_config(training={"ema": float("nan")}),
    "a number beyond all floats in the training's values": _edit_config(training={"ema": float("inf")}),
    "null for classes": _edit_config(classes=None),
    "width 10^9": _edit_model(hidden=10**9),
    "width 4096": _edit_model(hidden=4096),
    "width 0": _edit_model(hidden=0),
    "negative width": _edit_model(hidden=-8),
    "fractional width": _edit_model(hidden=8.5),
    "true for a width": _edit_model(hidden=True),
    "text for a width": _edit_model(hidden="10"),
    "a list for a width": _edit_model(hidden=[10]),
    "no embedding": _edit_model(embedding=0),
    "no first rows": _edit_model(first_rows=0),
    "a number for dilations": _edit_model(dilations=3),
    "a dilation of 0": _edit_model(dilations=[0, 2]),
    "10,000 layers": _edit_model(dilations=[1] * 10_000),
    "nested dilations": _edit_model(dilations=[[1], [2]]),
    "height 10^9": _edit_model(height=10**9),
    "height beyond the limit": _edit_model(height=SETTINGS.max_side + 1),
    "height 0": _edit_model(height=0),
    "an unknown setting": _edit_model(magic=1),
    "other levels": _edit_model(levels=256),
    "a number for the context": _edit_model(context=3),
    "an unknown setting of the context": _edit_context(magic=1),
    "a context of 10^9": _edit_context(hidden=10**9),
    "a context of other depth": _edit_context(dilations=[1, 1]),
    "a context that is upscaled": _edit_context(upscale=4),
}
