"""Sets of pictures in shards: what is in them, and that neither processes nor interruptions change their bytes."""

from __future__ import annotations

import io
import json
import math
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.checkpoint.format import CONFIG_FILE
from pixelart.engine import Checkpoint, Engine, Request
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.example_palettes import CLASS_PALETTES_FILE, ExamplePalette, class_palettes_json
from pixelart.images.io import decode_picture
from pixelart.shards.drawing import SET_MANIFEST, SUMS, CompleteSet, ShardedSet, draw_set
from pixelart.shards.learned import Learned
from pixelart.shards.shared_work import PLAN
from pixelart.training.data.pictures import read_pictures
from pixelart.training.near_copies import nearest_difference

ROOT = Path(__file__).parents[2]
WANTED = ShardedSet(Request("tiny", class_weights={"cross": 1.0}, count=45, seed=7), 20)
"""Three shards, the last of 5 pictures; the others are of a whole batch and a part of one."""
PATIENCE = 300.0


@pytest.fixture
def engine(tiny_checkpoints: Path) -> Engine:
    return Engine(tiny_checkpoints, device=torch.device("cpu"))


def drawn(engine: Engine, folder: Path, wanted: ShardedSet = WANTED) -> CompleteSet:
    return draw_set(engine, wanted, folder, on_shard=lambda *_: None)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / SET_MANIFEST).read_text().splitlines()]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_set_holds_the_pictures_of_its_seeds(engine: Engine, tmp_path: Path, kind: Any) -> None:
    found = drawn(engine, tmp_path, replace(WANTED, archive=kind))
    assert (found.shards, found.pictures) == (3, 45)
    names = [f"shard-0000{i}" for i in range(3)]
    files = {f"{name}{suffix}" for name in names for suffix in (f".{kind}", ".jsonl")}
    assert set(content(tmp_path)) == files | {SET_MANIFEST, SUMS, "plan.json"}
    lines = records(tmp_path)
    assert [line["seed"] for line in lines] == list(range(7, 52))
    assert [line["shard"] for line in lines] == [f"{names[i // 20]}.{kind}" for i in range(45)]
    single = [engine.generate(replace(WANTED.request, count=1, seed=line["seed"]))[0] for line in lines]
    pictures = pictures_of(tmp_path, kind)
    for line, alone in zip(lines, single, strict=True):
        assert np.array_equal(pictures[line["file"]], alone.picture)
        assert line["class"] == "cross" and line["distance"] is None
        assert line["bits"] == pytest.approx(-alone.log_prob / math.log(2), abs=2e-3)
    assert "".join((tmp_path / f"{name}.jsonl").read_text() for name in names) == (tmp_path / SET_MANIFEST).read_text()


def pictures_of(folder: Path, kind: str) -> dict[str, Picture]:
    """The pictures of all shards by name; of a .tar the records are compared with the manifest."""
    found, told = dict[str, bytes](), dict[str, Any]()
    for path in sorted(folder.glob(f"*.{kind}")):
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
                found |= {name: archive.read(name) for name in archive.namelist()}
        else:
            with tarfile.open(path) as archive:
                for info in archive.getmembers():
                    data = archive.extractfile(info)
                    assert data and (info.mtime, info.uid, info.uname) == (0, 0, "")
                    (found if info.name.endswith(".png") else told)[info.name] = data.read()
    if kind == "tar":
        assert [json.loads(told[line["file"].replace(".png", ".json")]) for line in records(folder)] == records(folder)
    return {name: decode_picture(data, name=name) for name, data in found.items()}


def test_an_interrupted_set_goes_on_to_the_same_bytes(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = drawn(engine, tmp_path / "whole")
    left, plain = [9], engine.generate

    def stopping(*given: Any, **more: Any) -> Any:  # in the middle of the second shard, and then of the last
        left[0] -= 1
        if left[0] in (4, 0):
            raise KeyboardInterrupt
        return plain(*given, **more)

    monkeypatch.setattr(engine, "generate", stopping)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            drawn(engine, tmp_path / "parts")
        assert not (tmp_path / "parts" / SUMS).exists()
    last = drawn(engine, tmp_path / "parts")
    assert last.digest == whole.digest and last.shards == 1
    assert content(tmp_path / "parts") == content(tmp_path / "whole")
    again = drawn(engine, tmp_path / "parts")
    assert (again.digest, again.shards, again.pictures) == (whole.digest, 0, 0)


def test_the_sums_are_those_of_the_files(engine: Engine, tmp_path: Path) -> None:
    drawn(engine, tmp_path)
    subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=tmp_path, check=True, capture_output=True)


def test_the_shards_are_a_set_to_train_on(engine: Engine, tmp_path: Path) -> None:
    drawn(engine, tmp_path)
    found = read_pictures(tmp_path / "shard-00001.zip")
    assert found.classes == ("cross",) and len(found) == 20


def test_the_manifest_tells_the_distance_to_the_training_pictures(
    engine: Engine, tmp_path: Path, tiny_data: Path, tiny_pictures: dict[str, Picture]
) -> None:
    learned = Learned(engine.library.load("tiny"), tiny_data, (8, 8))
    drawn(engine, tmp_path, replace(WANTED, request=replace(WANTED.request, count=20), learned=learned))
    pictures = np.stack([*pictures_of(tmp_path, "zip").values()])
    near = nearest_difference(pictures, np.concatenate([*tiny_pictures.values()]))
    assert [line["distance"] for line in records(tmp_path)] == pytest.approx(near, abs=1e-4)
    with pytest.raises(RequestRejected, match="compared_with"):
        drawn(engine, tmp_path, replace(WANTED, request=replace(WANTED.request, count=20)))


def test_a_set_has_one_palette_and_is_drawn_by_one_kind_of_device(
    engine: Engine, own_checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn(engine, tmp_path / "set", few := replace(WANTED, request=replace(WANTED.request, count=2)))

    def refusal() -> str:
        with pytest.raises(RequestRejected) as refused:
            drawn(Engine(own_checkpoints, device=torch.device("cpu")), tmp_path / "set", few)
        return str(refused.value)

    config = own_checkpoints / "tiny" / CONFIG_FILE
    before = config.read_text()
    values = json.loads(before)
    values["codec"]["colours"][0] = "123456"
    config.write_text(json.dumps(values))
    assert "holds other work: palette " in refusal()
    config.write_text(before)
    file = own_checkpoints / "tiny" / CLASS_PALETTES_FILE
    file.write_bytes(class_palettes_json({"cross": [ExamplePalette(np.array([[1, 2, 3], [4, 5, 6]], np.uint8))]}))
    assert "holds other work: class_palettes null, not " in refusal()
    file.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "device", torch.device("cuda"))
        assert few.plan(engine)["device"] == "cuda"
    plan = json.loads((tmp_path / "set" / PLAN).read_bytes())
    del plan["device"], plan["class_palettes"], plan["chosen_palette"]  # as before these were in it
    (tmp_path / "set" / PLAN).write_text(json.dumps(plan | {"palette": ""}))
    assert refusal().endswith("use another folder") and "\n" not in refusal()


BAD = {
    "no picture": ({"count": 0}, {}, "count 0: must be from 1"),
    "too many": ({"count": 10**9}, {}, "count 1000000000: must be from 1 to 100000000"),
    "an empty shard": ({}, {"shard_size": 0}, "shard-size 0"),
    "seeds past the last": ({"seed": 2**63 - 70}, {}, "seed .*: must be from 0"),
    "redraw": ({"redraw": 2}, {}, "exactly one picture for each seed"),
    "a value": ({"temperature": 99.0}, {}, "temperature 99: must be from"),
    "a class": ({"class_weights": {"dragon": 1.0}}, {}, "class 'dragon' is not one of"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_leave_no_folder(engine: Engine, tmp_path: Path, name: str) -> None:
    of_request, of_set, message = BAD[name]
    with pytest.raises(RequestRejected, match=message):
        drawn(engine, tmp_path / "set", replace(WANTED, request=replace(WANTED.request, **of_request), **of_set))
    assert not (tmp_path / "set").exists()


def test_the_name_of_a_class_never_leaves_the_archive(engine: Engine, tmp_path: Path) -> None:
    from pixelart.shards.drawing import _file_name

    assert _file_name("zip", "../../etc", 3) == "_.._etc/0000000003.png"
    assert [_file_name("zip", name, 3) for name in ("..", "a/b", "C:\\x", None)] == [
        "0000000003.png", "a_b/0000000003.png", "C__x/0000000003.png", "0000000003.png",
    ]  # fmt: skip


def command(checkpoints: Path, out: Path, *more: str) -> list[str]:
    words = "generate --checkpoint tiny --class stripe --count 2000 --shard-size 100 --json --shards tar --seed 3"
    return [*words.split(), "--checkpoints", str(checkpoints), "--out", str(out), *more]


def begin(words: Sequence[str]) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "pixelart", *words]
    return subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_programs_that_are_killed_draw_the_set_of_one(tiny_checkpoints: Path, tmp_path: Path) -> None:
    """One program draws the whole set. Two draw another: one is killed in the middle of a shard, then the other. Then
    three are launched by Accelerate, and they end with the same bytes."""
    out, whole = tmp_path / "out", tmp_path / "whole"
    alone = begin(command(tiny_checkpoints, whole))
    workers = [begin(command(tiny_checkpoints, out)) for _ in range(2)]
    end = time.monotonic() + PATIENCE
    for number, worker in enumerate(workers):
        while len(list(out.glob("*.jsonl"))) < 3 + 3 * number or not any(out.glob(".*.tar.*.tmp")):
            assert time.monotonic() < end and worker.poll() is None
            time.sleep(0.002)
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
    assert not (out / SUMS).exists() and len(list(out.glob("*.jsonl"))) < 20
    launch = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"]
    launch += ["--num_processes", "3", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launched = [*launch, "-m", "pixelart", *command(tiny_checkpoints, out)]
    printed = subprocess.run(launched, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    told = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    mine = json.loads(alone.communicate(timeout=PATIENCE)[0])
    assert {one["sha256"] for one in told} == {mine["sha256"]} and len(told) == 3
    assert 0 < sum(one["shards_here"] for one in told) < 20
    assert content(out) == content(whole)
    assert [line["seed"] for line in records(out)] == list(range(3, 2003))
    with tarfile.open(out / "shard-00019.tar") as archive:
        data = archive.extractfile("0000002002.png")
        assert data and Image.open(io.BytesIO(data.read())).size == (8, 8)
