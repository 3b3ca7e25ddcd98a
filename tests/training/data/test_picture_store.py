"""Sets of pictures that are read as they are needed: the same pictures, in little memory."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixelart.images.class_names import Labels
from pixelart.images.codec import RGB, Binary, Codec, Gray, Indexed, Picture
from pixelart.images.palettes import fit_palette, fit_palette_to, nearest_colours, oklab
from pixelart.training.config import Schedule
from pixelart.training.data import pictures as data
from pixelart.training.data.batches import Batches
from pixelart.training.data.encoded import CodedPictures
from pixelart.training.data.picture_store import Pictures, Store, encode_set
from pixelart.training.data.pictures import PictureSet

ROOT = Path(__file__).parents[3]


def _noise(count: int, *, side: int = 8, seed: int = 0) -> Picture:
    pictures = np.random.default_rng(seed).integers(0, 256, (count, side, side, 4), np.uint8)
    pictures[..., 3] = np.where(pictures[..., 3] < 60, 0, 255)
    return pictures


def _kept(pictures: Picture, *, memory: int = 1000) -> Pictures:
    store = Store(memory=memory)
    return Pictures(store, [store.add(picture) for picture in pictures], pictures.shape[1:3])


@pytest.mark.parametrize("memory", [1, 10**9])
def test_a_set_is_read_as_it_was_kept_whether_in_memory_or_in_a_file(memory: int) -> None:
    pictures = _noise(20)
    kept = _kept(pictures, memory=memory)
    assert len(kept) == 20 and kept.shape == pictures.shape
    assert np.array_equal(kept[3], pictures[3]) and np.array_equal(kept[-1], pictures[-1])
    assert np.array_equal(kept, pictures) and np.array_equal(np.stack(list(kept)), pictures)
    assert np.array_equal(kept[2:5], pictures[2:5]) and np.array_equal(kept[np.array([5, 1])], pictures[[5, 1]])
    assert np.array_equal(kept[:, 0, 0], pictures[:, 0, 0])
    assert np.array_equal(kept.take(np.array([7, 7, 0])), pictures[[7, 7, 0]])
    kept[0][:] = 9
    assert np.array_equal(kept[0], pictures[0]), "what is read is a copy"
    assert np.asarray(kept.take(np.array([], np.int64))).shape == (0, 8, 8, 4)


def test_a_store_is_safe_under_threads() -> None:
    pictures, kept = _noise(50), _kept(_noise(50))
    wrong: list[int] = []

    def read(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(0, 50, 200).tolist():
            if not np.array_equal(kept[i], pictures[i]):
                wrong.append(i)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("codec", [Indexed(_noise(1)[0, 0, :, :3]), RGB(), Gray(), Binary()], ids=lambda c: c.name)
def test_what_is_learned_from_is_what_a_codec_makes_of_the_whole_set(codec: Codec) -> None:
    pictures = _noise(30)
    whole, encoded = codec.encode(pictures), encode_set(codec, _kept(pictures))
    assert encoded.shape == whole.shape and len(encoded) == 30
    rows = torch.tensor([4, 4, 29, 0])
    for key in (rows, slice(3, 9), slice(0, 0)):
        assert torch.equal(encoded[key], whole[key]) and encoded[key].dtype == torch.int64
    assert torch.equal(encoded[7], whole[7]) and torch.equal(encoded.select(rows)[1:3], whole[rows][1:3])


def test_batches_of_a_set_that_is_read_as_needed_are_those_of_the_whole_set_bit_for_bit() -> None:
    codec, pictures, classes = Indexed(_noise(1)[0, 0, :, :3]), _noise(30), torch.arange(30) % 3
    schedule = Schedule(steps=10, batch_size=8, accumulate=2, flip=0.4, seed=3)
    rows = torch.tensor([i for i in range(30) if i % 7])
    kept = encode_set(codec, _kept(pictures)).select(rows)
    whole = codec.encode(pictures)[rows]
    one, two = (
        Batches([CodedPictures(x, classes[rows])], labels=Labels(("a", "b", "c")), schedule=schedule)  # pyright: ignore[reportArgumentType]
        for x in (kept, whole)
    )
    for step in (0, 1, 2, 9):
        (x, given), (y, wanted) = one.draw(step), two.draw(step)
        assert torch.equal(x, y) and torch.equal(given.mask, wanted.mask)
        assert torch.equal(given.class_weights, wanted.class_weights)


def test_the_palette_of_a_set_is_that_of_all_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = _noise(12)
    pictures[..., :3] //= 40
    opaque = pictures[pictures[..., 3] >= 128][:, :3]
    for many in (10, 10**9):
        monkeypatch.setattr(data, "MANY_COLOURS", many)
        colours, counts = PictureSet(_kept(pictures), ("a",) * 12, ("",) * 12).colours()
        unique, wanted = np.unique(opaque, axis=0, return_counts=True)
        assert np.array_equal(colours, unique) and np.array_equal(counts, wanted)
        assert np.array_equal(fit_palette_to(colours, counts, size=9), fit_palette(opaque, size=9))


def test_the_nearest_colour_does_not_depend_on_how_many_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    colours, palette = _noise(4)[..., :3].reshape(-1, 3), _noise(1, seed=5)[0, :4, :, :3].reshape(-1, 3)
    wanted = np.square(oklab(colours)[:, None] - oklab(palette)).sum(-1).argmin(1)
    assert np.array_equal(nearest_colours(colours, palette), wanted)
    monkeypatch.setattr("pixelart.images.palettes.PART", 7)
    assert np.array_equal(nearest_colours(colours, palette), wanted)
    assert nearest_colours(colours[:0], palette).shape == (0,)


MEASURED = """
import sys
from pathlib import Path
from pixelart.training.data.pictures import read_pictures
from pixelart.training.data.report import prepare
from pixelart.training.data.survey import Options, survey
from pixelart.training.data.picture_store import encode_set
from pixelart.images.codec import RGB
def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))
before, source = peak(), Path(sys.argv[1])
found = survey(source, Options(to_true_grid=False, keep_copies=True))
ready = prepare(found, source.with_name("ready.zip"))
x = encode_set(RGB(), read_pictures(ready).pictures)
print(len(found.pictures), len(x), peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is told by Linux alone")
def test_a_set_of_large_pictures_takes_little_memory(tmp_path: Path) -> None:
    """40 pictures of 1024 x 1024 unpack to 160 MiB, as a codec has them to 960 MiB."""
    source = tmp_path / "set.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for number in range(40):
            buffer = io.BytesIO()
            Image.new("RGBA", (1024, 1024), (number, 0, 0, 255)).save(buffer, "PNG")
            archive.writestr(f"flat/{number}.png", buffer.getvalue())
    command = [sys.executable, "-c", MEASURED, str(source)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert told[:2] == ["40", "40"] and int(told[2]) < 150, told
