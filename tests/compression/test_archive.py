"""What is compressed comes back exactly, or is refused: never another picture."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelart.checkpoint.library import Checkpoint
from pixelart.compression import archive, coder
from pixelart.compression.archive import NamedPicture, compress, decompress, read_header
from pixelart.engine import Engine
from pixelart.errors import Cancelled, DataRejected, PixelArtError, RequestRejected
from pixelart.images.codec import Picture
from pixelart.layers.context import Context
from pixelart.layers.interruption import cancel_between_layers
from pixelart.models import AutoregressiveModel
from pixelart.sampling.coded import Pick, code_levels


@pytest.fixture(autouse=True)
def with_program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only slow tests use programs, which take seconds to compile in double precision."""
    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr(archive, "code_levels", partial(code_levels, use_program=False))


@pytest.fixture
def tiny(tiny_checkpoints: Path) -> Engine:
    torch.set_num_threads(1)
    return Engine(tiny_checkpoints, device=torch.device("cpu"))


@pytest.fixture
def sketching(sketch_checkpoints: Path) -> Engine:
    torch.set_num_threads(1)
    return Engine(sketch_checkpoints, device=torch.device("cpu"))


def of_tiny(pictures: dict[str, Picture], count: int = 3) -> list[NamedPicture]:
    return [
        NamedPicture(f"{name}/{i}.png", some[i], name if i else None)
        for name, some in pictures.items()
        for i in range(count)
    ]


def check_back(engine: Engine, data: bytes, pictures: list[NamedPicture]) -> None:
    back = decompress(data, engine.library.load)
    assert sorted(one.name for one in back) == sorted(one.name for one in pictures)
    expected = {one.name: one.picture for one in pictures}
    assert all(np.array_equal(one.picture, expected[one.name]) for one in back)


def test_pictures_come_back_in_any_chunks(tiny: Engine, tiny_pictures: dict[str, Picture]) -> None:
    loaded, pictures = tiny.library.load("tiny"), of_tiny(tiny_pictures)
    for chunk in (1, 4, 32):
        done: list[tuple[int, int]] = []
        data = compress(loaded, pictures, chunk=chunk, on_progress=lambda *at, done=done: done.append(at))
        assert done[-1] == (6, 6)
        check_back(tiny, data, pictures)
    header, _ = read_header(data)
    assert header.checkpoint == "tiny" and header.listing.classes == (-1, 0, 0, -1, 1, 1)
    assert not header.listing.odd and len(data) < 250  # 6 PNGs have some 500 bytes


def test_colours_that_the_model_lacks_come_back_too(tiny: Engine, tiny_pictures: dict[str, Picture]) -> None:
    picture = tiny_pictures["cross"][0].copy()
    picture[1, 2], picture[3, 4], picture[5, 5] = (7, 77, 177, 255), (9, 9, 9, 0), (200, 30, 30, 130)
    pictures = [NamedPicture("odd.png", picture)]
    data = compress(tiny.library.load("tiny"), pictures)
    assert len(read_header(data)[0].listing.odd) == 3
    check_back(tiny, data, pictures)


def test_each_picture_keeps_its_own_palette_and_size(sketching: Engine) -> None:
    random = np.random.default_rng(1)
    pictures = [NamedPicture("blank.png", np.zeros((6, 6, 4), np.uint8))]
    for number, (side, colours) in enumerate([(8, 3), (8, 5), (6, 9), (6, 30)]):  # the last has more than fit
        table = random.integers(0, 256, (colours, 4), np.uint8)
        table[:, 3] = 255
        table[0] = 0
        pictures.append(NamedPicture(f"{number}.png", table[random.integers(0, colours, (side, side))]))
    data = compress(sketching.library.load("any"), pictures, chunk=2)
    header, _ = read_header(data)
    assert [(size.height, size.count) for size in header.listing.sizes] == [(6, 3), (8, 2)]
    assert {header.listing.names[pixel.picture] for pixel in header.listing.odd} == {"3.png"}
    check_back(sketching, data, pictures)


def test_other_weights_are_refused(tiny: Engine, own_checkpoints: Path, tiny_pictures: dict[str, Picture]) -> None:
    data = compress(tiny.library.load("tiny"), of_tiny(tiny_pictures, 1))
    loaded = Engine(own_checkpoints, device=torch.device("cpu")).library.load("tiny")
    check = decompress(data, lambda name: loaded)
    assert len(check) == 2
    with torch.no_grad():
        next(loaded.model.parameters()).mul_(1.01)
    del loaded.__dict__["identity"]
    with pytest.raises(DataRejected, match="made with other weights than those of tiny here"):
        decompress(data, lambda name: loaded)


def test_another_name_of_the_checkpoint_may_be_given(tiny: Engine, tiny_pictures: dict[str, Picture]) -> None:
    data, asked = compress(tiny.library.load("tiny"), of_tiny(tiny_pictures, 1)), list[str]()

    def load(name: str) -> Checkpoint:
        asked.append(name)
        return tiny.library.load("tiny")

    assert len(decompress(data, load, checkpoint="renamed")) == 2 and asked == ["renamed"]


def test_no_change_of_a_file_gives_another_picture(tiny: Engine, tiny_pictures: dict[str, Picture]) -> None:
    pictures, random = of_tiny(tiny_pictures, 1), np.random.default_rng(0)
    data = compress(tiny.library.load("tiny"), pictures)
    outcomes = {"refused": 0, "whole": 0}
    for number in range(60):
        changed = bytearray(data)
        if number % 3:
            changed[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
        else:
            del changed[int(random.integers(len(data))) :]
        try:
            check_back(tiny, bytes(changed), pictures)
            outcomes["whole"] += 1  # in the last, unused bits of a range coder
        except PixelArtError as error:
            assert len(str(error).splitlines()) == 1
            outcomes["refused"] += 1
    assert outcomes["refused"] >= 50, outcomes


@pytest.mark.parametrize(
    ("name", "picture", "error"),
    [
        ("../a.png", (8, 8), "not a plain name"),
        ("large.png", (9, 8), "large.png is 8 x 9; tiny draws 8 x 8"),
        (None, (8, 8), "there are no pictures"),
    ],
)
def test_what_it_cannot_keep_is_refused(tiny: Engine, name: str | None, picture: tuple[int, int], error: str) -> None:
    given = [NamedPicture(name, np.zeros((*picture, 4), np.uint8))] if name else []
    with pytest.raises(PixelArtError, match=error):
        compress(tiny.library.load("tiny"), given)
    twice = [NamedPicture(name, np.zeros((8, 8, 4), np.uint8)) for name in ("a.png", "A.png")]
    with pytest.raises(DataRejected, match=r"two pictures would be a\.png"):
        compress(tiny.library.load("tiny"), twice)


@pytest.mark.parametrize(
    ("name", "most", "error"),
    [
        ("LAST_CLASS", 0, "class 2: a file can only name the first 1 classes"),
        ("MAX_LISTING_BYTES", 20, "0 pixels .* take 51 bytes; the limit is 20"),
    ],
)
def test_nothing_is_written_that_could_not_be_read(
    tiny: Engine, tiny_pictures: dict[str, Picture], monkeypatch: pytest.MonkeyPatch, name: str, most: int, error: str
) -> None:
    monkeypatch.setattr(archive.listings, name, most)
    with pytest.raises(DataRejected, match=error):
        compress(tiny.library.load("tiny"), of_tiny(tiny_pictures, 2))


def test_it_can_be_cancelled(tiny: Engine, tiny_pictures: dict[str, Picture]) -> None:
    pictures = of_tiny(tiny_pictures, 1)
    with pytest.raises(Cancelled):
        compress(tiny.library.load("tiny"), pictures, cancel=lambda: True)
    with pytest.raises(Cancelled):
        decompress(compress(tiny.library.load("tiny"), pictures), tiny.library.load, cancel=lambda: True)


def test_a_machine_that_computes_too_differently_refuses(
    tiny: Engine, tiny_pictures: dict[str, Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, plain = of_tiny(tiny_pictures, 3), archive.code_levels
    loaded = tiny.library.load("tiny")
    data = compress(loaded, pictures)

    def computing(noise: float) -> None:
        random = torch.Generator().manual_seed(0)

        def with_errors(model: AutoregressiveModel, context: Context, pick: Pick, **how: Any) -> Tensor:
            def other(log_p: Tensor, true: Tensor) -> Tensor:
                return pick(log_p + noise * torch.randn(log_p.shape, dtype=torch.float64, generator=random), true)

            return plain(model, context, other, **how)

        monkeypatch.setattr(archive, "code_levels", with_errors)

    computing(coder.STEP_MARGIN / 100)  # a thousand times what kernels differ by
    check_back(tiny, data, pictures)
    computing(1e-3)
    with pytest.raises(DataRejected, match="would not be the ones that were compressed"):
        decompress(data, tiny.library.load)


def test_the_package_is_asked_for(
    tiny: Engine, tiny_pictures: dict[str, Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(RequestRejected, match="compression needs the package constriction: pip install"):
        compress(tiny.library.load("tiny"), of_tiny(tiny_pictures, 1))


READ = """
import sys, torch, hashlib
from functools import partial
from pathlib import Path
from pixelart.compression import archive
from pixelart.engine import Engine
torch.set_num_threads(int(sys.argv[3]))
engine = Engine(sys.argv[1], device=torch.device("cpu"))
archive.code_levels = partial(archive.code_levels, use_program=sys.argv[4] == "True")
back = archive.decompress(Path(sys.argv[2]).read_bytes(), engine.library.load)
print(hashlib.sha256(b"".join(one.picture.tobytes() for one in back)).hexdigest())
"""


@pytest.mark.slow
def test_programs_and_networks_read_what_the_other_wrote(
    tiny: Engine, tiny_pictures: dict[str, Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, loaded = of_tiny(tiny_pictures), tiny.library.load("tiny")
    for compresses, reads in ((True, False), (False, True), (True, True)):
        monkeypatch.setattr(archive, "code_levels", partial(code_levels, use_program=compresses))
        torch.set_num_threads(1)
        data = compress(loaded, pictures)
        monkeypatch.setattr(archive, "code_levels", partial(code_levels, use_program=reads))
        torch.set_num_threads(2)
        check_back(tiny, data, pictures)


def test_a_drawing_that_is_cancelled_meanwhile_stops_no_compression(
    tiny: Engine, tiny_pictures: dict[str, Picture]
) -> None:
    """While a picture is drawn, hooks on the network's layers ask whether to stop."""
    loaded, pictures = tiny.library.load("tiny"), of_tiny(tiny_pictures, 1)
    data = compress(loaded, pictures)
    stopped: list[bool] = []
    with cancel_between_layers(loaded.model, lambda: bool(stopped)):
        stopped.append(True)
        assert compress(loaded, pictures) == data
        check_back(tiny, data, pictures)


@pytest.mark.slow
@pytest.mark.parametrize(("threads", "use_program"), [(1, True), (2, True), (2, False)])
def test_other_kernels_read_the_same(
    threads: int,
    use_program: bool,
    sketching: Engine,
    sketch_checkpoints: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a process whose libraries take the kernels of an older processor."""
    random, file = np.random.default_rng(1), tmp_path / "some.pxc"
    table = np.array([[0, 0, 0, 0], [9, 50, 99, 255], [200, 30, 30, 255], [255, 250, 9, 255]], np.uint8)
    pictures = [NamedPicture(f"{i}.png", table[random.integers(0, 4, (8, 8))]) for i in range(6)]
    file.write_bytes(compress(sketching.library.load("any"), pictures))
    old = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}
    for name, value in {**old, "NUMBA_CPU_NAME": "generic"}.items():  # no fused products, either
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-c", READ, str(sketch_checkpoints), str(file), str(threads), str(use_program)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert found == hashlib.sha256(b"".join(one.picture.tobytes() for one in pictures)).hexdigest()
