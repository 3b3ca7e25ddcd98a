"""What is told of a set of pictures, and the set that is made of its good ones."""

from __future__ import annotations

import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from pixelart.errors import Cancelled, DataRejected, RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.io import encode_png, encode_rgba_png
from pixelart.images.sprite_sheets import Slicing
from pixelart.settings import SETTINGS
from pixelart.training.data import pictures as data
from pixelart.training.data import report as dataset
from pixelart.training.data import survey as surveying
from pixelart.training.data.pictures import read_pictures
from pixelart.training.data.report import Problem, Survey, prepare
from pixelart.training.data.survey import MIN_PICTURES, Options, survey
from tests.cancelling import Patience
from tests.training.files import dot, folder_of, noise, zip_of


def _good(name: str = "a", count: int = 10, *, first: int = 0, side: int = 8) -> dict[str, bytes]:
    return {f"{name}/{i:02}.png": encode_png(noise(first + i, side, side)) for i in range(count)}


def _told(found: Survey) -> dict[str, tuple[str, ...]]:
    """What -> where, of what does not stand in the way."""
    return {problem.what: problem.places for problem in found.problems if not problem.blocks}


def _survey(place: Path, files: Mapping[str, bytes], options: Options | None = None) -> Survey:
    """Of a folder, which must be the same as of a .zip of it."""
    found = survey(folder_of(place / "set", files), options)
    again = survey(zip_of(place / "set.zip", files), options)
    assert (found.problems, found.classes, found.pictures.fingerprint()) == (
        again.problems, again.classes, again.pictures.fingerprint(),
    )  # fmt: skip
    return found


def _enlarged(picture: Picture, factor: int = 3) -> bytes:
    return encode_png(picture.repeat(factor, 0).repeat(factor, 1))


# --- what is told -------------------------------------------------------------------------------------------------


def test_a_sound_set_is_told_class_by_class(tmp_path: Path) -> None:
    found = _survey(tmp_path, _good("a", 10) | _good("b", 9, first=50))
    assert found.ready and found.problems == () and found.size == (8, 8)
    assert [(row.name, row.pictures, row.sizes) for row in found.classes] == [
        ("a", 10, Counter({(8, 8): 10})),
        ("b", 9, Counter({(8, 8): 9})),
    ]
    seen = {tuple(pixel) for picture in found.pictures.pictures for pixel in picture.reshape(-1, 4).tolist()}
    assert found.colours == len(seen) and found.classes[0].colours <= 40


def test_clear_pixels_have_no_colour(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[0], picture[1, 0], picture[1, 1] = (9, 9, 9, 127), (0, 0, 0, 255), (255, 0, 1, 128)
    found = survey(folder_of(tmp_path, {"a/1.png": encode_rgba_png(picture)}))
    assert found.colours == found.classes[0].colours == 2


def test_a_set_is_the_one_that_would_be_trained_on(tiny_data: Path) -> None:
    found, read = survey(tiny_data), read_pictures(tiny_data)
    assert found.pictures.fingerprint() == read.fingerprint()
    assert np.array_equal(found.pictures.pictures, read.pictures)


def test_bad_files_are_told_by_name_and_the_others_are_used(tmp_path: Path) -> None:
    bad = {"a/fake.png": b"hello", "a/cut.png": _good()["a/00.png"][:40], "b/notes.txt": b"no", "c/.hidden.png": b""}
    found = _survey(tmp_path, _good() | bad)
    assert found.ready and len(found.pictures) == 10
    told = _told(found)
    assert told.pop("skipped, not a picture file") == ("b/notes.txt",)
    assert list(told.values()) == [("a/cut.png", "a/fake.png")]
    assert next(iter(told)).startswith("left out, not a readable picture; the formats are ")


def test_what_is_unsafe_in_an_archive_is_told_by_name_and_never_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(zip_of(tmp_path / "set.zip", _good()), "a") as archive:
        archive.writestr("../up.png", dot(1))
        link = zipfile.ZipInfo("a/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a/bomb.png", b"\0" * (SETTINGS.max_file_bytes + 1), zipfile.ZIP_DEFLATED)
    found = survey(tmp_path / "set.zip")
    assert len(found.pictures) == 10
    assert _told(found) == {
        "left out, unsafe name": ("../up.png",),
        "left out, a link": ("a/link.png",),
        "left out, 5.0 MiB; the limit is 5 MiB": ("a/bomb.png",),
    }
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip"]


def test_a_source_that_is_bad_as_a_whole_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(b"hello")
    for source in (tmp_path / "set.zip", tmp_path / "gone"):
        with pytest.raises(DataRejected, match="neither a folder nor a"):
            survey(source)


def test_pictures_of_another_size_are_left_out_or_resized(tmp_path: Path) -> None:
    files = _good() | {"b/large.png": encode_png(noise(90, 16, 12))}
    found = _survey(tmp_path / "1", files)
    assert found.size == (8, 8) and len(found.pictures) == 10
    assert _told(found)["left out, 12 x 16 pixels; must be 8 x 8"] == ("b/large.png",)
    assert [(row.name, row.pictures, row.sizes) for row in found.classes][1] == ("b", 0, Counter({(12, 16): 1}))
    found = _survey(tmp_path / "2", files, Options(fit="nearest"))
    assert len(found.pictures) == 11 and _told(found)["resized to 8 x 8 pixels"] == ("b/large.png",)
    found = _survey(tmp_path / "3", files, Options(size=(16, 12)))
    assert found.size == (16, 12) and len(found.pictures) == 1 and not found.ready


def test_copies_are_left_out_unless_they_are_kept(tmp_path: Path) -> None:
    files = _good() | {"b/copy.png": encode_rgba_png(noise(3))}
    found = _survey(tmp_path / "1", files)
    assert len(found.pictures) == 10
    assert _told(found)["left out, the same as another picture"] == ("b/copy.png (as a/03.png)",)
    found = _survey(tmp_path / "2", files, Options(keep_copies=True))
    assert len(found.pictures) == 11
    assert _told(found)["the same as another picture"] == ("b/copy.png (as a/03.png)",)


def test_soft_alpha_is_told_and_kept_as_it_is(tmp_path: Path) -> None:
    soft = noise(80)
    soft[0, 0, 3], soft[0, 1, 3] = 127, 128
    found = _survey(tmp_path, _good() | {"a/soft.png": encode_rgba_png(soft)})
    assert _told(found) == {"partial alpha: pixels with alpha below 128 become transparent": ("a/soft.png",)}
    assert np.array_equal(found.pictures.pictures[-1], soft)


def test_a_clear_picture_is_left_out(tmp_path: Path) -> None:
    clear = np.full((8, 8, 4), (200, 0, 0, 127), np.uint8)
    found = _survey(tmp_path, _good() | {"a/clear.png": encode_rgba_png(clear)})
    assert len(found.pictures) == 10 and _told(found) == {"left out, wholly transparent": ("a/clear.png",)}


@pytest.mark.parametrize("count", [0, 1, MIN_PICTURES - 1, MIN_PICTURES])
def test_too_few_pictures_block(tmp_path: Path, count: int) -> None:
    found = _survey(tmp_path, _good(count=count) | {"readme.txt": b""})
    assert found.ready == (count == MIN_PICTURES)
    blocking = [str(problem) for problem in found.problems if problem.blocks]
    many = "1 picture" if count == 1 else f"{count} pictures"
    told = f"{many}; at least 8 are needed" if count else "holds no picture (.png, .gif"
    assert [text.startswith(told) for text in blocking] == [True] * (not found.ready)


def test_a_class_of_few_pictures_is_told(tmp_path: Path) -> None:
    found = _survey(tmp_path, _good() | _good("few", 7, first=50))
    assert found.ready and _told(found) == {"fewer than 8 good pictures of the class": ("few",)}


def test_a_problem_is_one_line_of_a_few_places() -> None:
    assert str(Problem("odd", ("a", "b", "c"))) == "odd: a, b, c"
    assert str(Problem("odd", tuple("abcde"))) == "odd: a, b, c and 2 more"
    assert str(Problem("odd", ())) == "odd"


def test_options_outside_the_limits_are_refused(tiny_data: Path) -> None:
    for options in (Options(size=(0, 8)), Options(size=(8, 1025)), Options(slicing=Slicing(8, 8, margin=-1))):
        with pytest.raises(RequestRejected, match="must be from"):
            survey(tiny_data, options)


# --- true grid and sheets -----------------------------------------------------------------------------------------


def test_enlarged_pictures_are_told_and_reduced_when_it_is_wanted(tmp_path: Path) -> None:
    files = {f"a/{i:02}.png": _enlarged(noise(i)) for i in range(10)}
    found = _survey(tmp_path / "1", files)
    assert found.size == (24, 24) and len(found.pictures) == 10
    names = tuple(files)
    assert _told(found) == {"24 x 24 pixels, a smaller picture enlarged 3 times": names}
    found = _survey(tmp_path / "2", files, Options(to_true_grid=True))
    assert found.size == (8, 8)
    assert np.array_equal(found.pictures.pictures, np.stack([noise(i) for i in range(10)]))
    assert _told(found) == {"24 x 24 pixels, a smaller picture enlarged 3 times, reduced to its true grid": names}


def test_one_coarse_picture_among_many_is_no_enlarged_one(tmp_path: Path) -> None:
    coarse = encode_png(noise(70, 4, 4).repeat(2, 0).repeat(2, 1))
    found = _survey(tmp_path, _good() | {"a/coarse.png": coarse}, Options(to_true_grid=True))
    assert len(found.pictures) == 11 and found.problems == ()


def test_one_picture_that_is_not_enlarged_among_many_that_are_is_told(tmp_path: Path) -> None:
    files = {f"a/{i:02}.png": _enlarged(noise(i)) for i in range(10)} | {"a/odd.png": encode_png(noise(60, 24, 24))}
    found = _survey(tmp_path, files, Options(to_true_grid=True))
    assert len(found.pictures) == 10
    assert _told(found)["left out, 24 x 24 pixels; must be 8 x 8"] == ("a/odd.png",)


def _sheet(*, enlarged: int = 1) -> bytes:
    """Three rows of four tiles of 8 x 8, one pixel apart; the last tile is empty."""
    sheet = np.zeros((26, 35, 4), np.uint8)
    for i in range(11):
        sheet[i // 4 * 9 :, i % 4 * 9 :][:8, :8] = noise(i)
    return _enlarged(sheet, enlarged)


@pytest.mark.parametrize("enlarged", [1, 4])
def test_a_sheet_becomes_pictures_of_its_class(tmp_path: Path, enlarged: int) -> None:
    options = Options(slicing=Slicing(8, 8, spacing=1), to_true_grid=True)
    files = {"rocks/sheet.png": _sheet(enlarged=enlarged), "trees/one.png": encode_png(noise(50))}
    found = _survey(tmp_path, files, options)
    assert [(row.name, row.pictures) for row in found.classes] == [("rocks", 11), ("trees", 1)]
    assert np.array_equal(found.pictures.pictures, np.stack([noise(i) for i in [*range(11), 50]]))
    assert _told(found)["left out, wholly transparent"] == ("rocks/sheet.png tile 2,3",)


def test_sheets_that_do_not_fit_their_tiles_are_told(tmp_path: Path) -> None:
    wide = noise(5, 8, 8 * 9 + 3)
    files = {"a/sheet.png": encode_png(wide), "a/small.png": encode_png(noise(6, 7, 8))}
    found = _survey(tmp_path, files, Options(slicing=Slicing(8, 8)))
    assert len(found.pictures) == 9 and np.array_equal(found.pictures.pictures[8], wide[:, 64:72])
    assert _told(found) == {
        "pixels right of or below the last whole tile are left out": ("a/sheet.png",),
        "left out, smaller than a tile of 8 x 8": ("a/small.png",),
    }


@pytest.mark.slow
def test_larger_pictures_are_read_where_they_become_smaller(tmp_path: Path) -> None:
    most, limit = SETTINGS.max_sheet_pixels, SETTINGS.max_side
    side = most // 8
    wide = np.zeros((8, side, 4), np.uint8)
    wide[:, -64:] = noise(1, 8, 64)
    files = {"a/wide.png": encode_png(wide), "a/wider.png": encode_png(np.zeros((8, side + 8, 4), np.uint8))}
    too_wide = f"left out, {side + 8} x 8 pixels; the limit is {most:,} in all"
    found = _survey(tmp_path / "1", files, Options(slicing=Slicing(8, 8)))
    assert np.array_equal(found.pictures.pictures, np.stack(np.split(wide[:, -64:], 8, axis=1)))
    assert _told(found)[too_wide] == ("a/wider.png",)
    found = _survey(tmp_path / "2", files, Options(to_true_grid=True))
    assert _told(found) == {
        too_wide: ("a/wider.png",),
        f"left out, {side} x 8 pixels; the limit is {limit} a side": ("a/wide.png",),
    }
    found = _survey(tmp_path / "3", files)
    assert _told(found)[f"left out, {side} x 8 pixels; the limit is {limit} a side"] == ("a/wide.png",)
    assert not found.ready and len(found.pictures) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(3456, 832), (32, 3200)])
def test_sheets_are_limited_by_their_area(tmp_path: Path, height: int, width: int) -> None:
    sheet = np.zeros((height, width, 4), np.uint8)
    sheet[-32:, -32 * 20 :] = noise(7, 32, 32 * 20)
    found = _survey(tmp_path, {"a/sheet.png": encode_png(sheet)}, Options(slicing=Slicing(32, 32)))
    assert len(found.pictures) == 20 and np.array_equal(found.pictures.pictures[-1], sheet[-32:, -32:])


def test_colours_are_counted_of_each_class_and_once_of_all(tmp_path: Path) -> None:
    shared, own = (np.full((4, 4, 4), 255, np.uint8) for _ in range(2))
    shared[:, :2, 0], own[..., 1] = 7, 8
    files = {f"{name}/{i}.png": encode_png(picture) for name in "ab" for i, picture in enumerate([shared, own])}
    found = survey(folder_of(tmp_path, files | {"c/0.png": encode_png(shared[::-1, ::-1].copy())}))
    assert [(row.name, row.colours) for row in found.classes] == [("a", 3), ("b", 0), ("c", 2)]  # b: copies of a
    assert found.colours == 3


def test_counting_colours_takes_the_same_memory_for_any_number_of_classes(tmp_path: Path) -> None:
    """All tables together: a 32 MiB one; one for each class would be hundreds."""
    found = survey(folder_of(tmp_path, {f"{i:03}/1.png": dot(i % 256, 1, 1 + i // 256) for i in range(100)}))
    tracemalloc.start()
    counts, whole = surveying._count_colours(found.pictures, lambda: False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert whole == len(counts) == 100 and peak < 40 * 2**20


def test_too_many_classes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "SETTINGS", type(SETTINGS)(max_classes=3))
    source = folder_of(tmp_path / "set", {f"{i}/1.png": dot(i) for i in range(4)})
    for read in (survey, read_pictures):
        with pytest.raises(DataRejected, match=r"^set: 4 classes; the limit is 3$"):
            read(source)


# --- cancelled ----------------------------------------------------------------------------------------------------


def test_a_survey_tells_how_far_it_is_and_is_cancelled_at_any_look(tmp_path: Path) -> None:
    files = _good("a", 6) | {"a/notes.txt": b"no", ".hidden/1.png": dot(1)}
    for source in (folder_of(tmp_path / "set", files), zip_of(tmp_path / "set.zip", files)):
        patient, told, options = Patience(), list[tuple[int, int]](), Options(slicing=Slicing(8, 8))
        survey(source, options, cancel=patient, on_progress=lambda *n, told=told: told.append(n))
        assert told == [(n, 7) for n in range(1, 8)]
        assert patient.asked >= 7 + 5 * 6  # read, grid, tiles, use, content, colours
        for moment in range(patient.asked):
            impatient = Patience(moment)
            with pytest.raises(Cancelled):
                survey(source, options, cancel=impatient)
            assert impatient.asked == moment + 1


def test_a_set_that_is_cancelled_is_not_prepared(tmp_path: Path) -> None:
    found, told, target = survey(folder_of(tmp_path / "set", _good())), list[tuple[int, ...]](), tmp_path / "out.zip"
    with pytest.raises(Cancelled):
        prepare(found, target, cancel=lambda: len(told) == 9, on_progress=lambda *n: told.append(n))
    assert told == [(n, 10) for n in range(1, 10)] and [p.name for p in tmp_path.iterdir()] == ["set"]


def test_too_many_tiles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "SETTINGS", type(SETTINGS)(max_pictures=63))
    source = folder_of(tmp_path / "set", {"a/1.png": dot(1, 8, 8)})
    with pytest.raises(DataRejected, match=r"^set: 64 tiles; the limit is 63$"):
        survey(source, Options(slicing=Slicing(1, 1)))


# --- contact sheet ------------------------------------------------------------------------------------------------


def test_a_contact_sheet_shows_the_pictures(tmp_path: Path) -> None:
    found = survey(folder_of(tmp_path, _good()))
    sheet = found.contact_sheet()
    assert sheet.shape == (8, 89, 4)
    assert all(np.array_equal(sheet[:, 9 * i : 9 * i + 8], noise(i)) for i in range(10))


@pytest.mark.parametrize(("count", "side"), [(0, 8), (1, 8), (16, 8), (17, 8), (500, 8), (40, 400), (3, 1024)])
def test_a_contact_sheet_is_never_large(count: int, side: int) -> None:
    pictures = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, side, side, 4))
    found = Survey("set", dataset.PictureSet(pictures, ("a",) * count, ("",) * count), (), (), 0)
    sheet = found.contact_sheet()
    assert max(sheet.shape[:2]) <= SETTINGS.max_side
    if count:
        assert sheet[0, 0, 0] == 0 and (side == SETTINGS.max_side or np.any(sheet == (count - 1) % 256))


# --- the set that is made -----------------------------------------------------------------------------------------


def test_what_is_prepared_is_read_as_what_was_seen(tmp_path: Path) -> None:
    soft = noise(80)
    soft[0, 0] = (9, 8, 7, 100)
    photo = np.random.default_rng(0).integers(0, 256, (8, 8, 4)).astype(np.uint8)
    files = _good() | {"Zoë b/1.png": encode_rgba_png(soft), "top.png": encode_rgba_png(photo), "a/bad.png": b""}
    found = _survey(tmp_path / "in", files)
    target = prepare(found, tmp_path / "out.zip")
    read = read_pictures(target)
    assert np.array_equal(read.pictures, found.pictures.pictures)
    assert read.class_names == found.pictures.class_names and read.classes == ("Zoë b", "a", "pictures")
    assert read.fingerprint() == found.pictures.fingerprint()
    assert survey(target).pictures.fingerprint() == found.pictures.fingerprint()
    assert prepare(found, tmp_path / "again.zip").read_bytes() == target.read_bytes()


def test_a_set_that_is_not_ready_is_not_prepared(tmp_path: Path) -> None:
    found = _survey(tmp_path / "in", _good(count=3))
    with pytest.raises(DataRejected, match=r"^set: 3 pictures; at least 8 are needed$"):
        prepare(found, tmp_path / "out.zip")
    assert not list(tmp_path.glob("out*"))


def test_a_set_that_could_not_be_read_again_is_not_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _survey(tmp_path / "in", _good())
    size = sum(entry.file_size for entry in zipfile.ZipFile(prepare(found, tmp_path / "a.zip")).infolist())
    monkeypatch.setattr(dataset, "SETTINGS", type(SETTINGS)(max_archive_bytes=size))
    prepare(found, tmp_path / "b.zip")
    monkeypatch.setattr(dataset, "SETTINGS", type(SETTINGS)(max_archive_bytes=size - 1))
    with pytest.raises(DataRejected, match=r"^set: its pictures take more than 0 MiB$"):
        prepare(found, tmp_path / "c.zip")
    assert not list(tmp_path.glob("c*"))


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, target = _survey(tmp_path / "in", _good()), tmp_path / "out.zip"
    target.write_bytes(b"before")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        prepare(found, target)
    assert target.read_bytes() == b"before" and [path.name for path in tmp_path.glob("out*")] == ["out.zip"]
