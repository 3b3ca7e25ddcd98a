"""Pictures are sorted into kinds by the words of their names, and nothing else of them changes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks.name_kinds import FEWEST, KINDS, kind_of, main, sorted_places

STUDIO = Path(__file__).parents[2] / "examples" / "studio.zip"


@pytest.mark.parametrize(
    ("class_name", "name", "kind"),
    [
        ("weapon", "crawl_urand_bow", "bow"),
        ("weapon", "short_sword5", "dagger"),
        ("weapon", "long_sword1", "sword"),
        ("weapon", "swordfish", ""),
        ("armour", "urand_dragonskin", "hide"),
        ("item", "potion_i-heal_wounds", "potion"),
        ("creature", "crawl10_Giant-Frog", "frog"),
        ("hero", "sword", ""),
        ("fish", "potion", ""),
    ],
)
def test_a_kind_is_found_by_whole_words(class_name: str, name: str, kind: str) -> None:
    assert kind_of(class_name, name) == kind


def test_few_pictures_make_no_kind() -> None:
    places = [f"weapon/mine/axe{i}.png" for i in range(FEWEST)] + ["weapon/mine/bow1.png"]
    sorted_ = sorted_places(places)
    assert sorted_["weapon/mine/axe3.png"] == "weapon/mine/axe/axe3.png"
    assert sorted_["weapon/mine/bow1.png"] == "weapon/mine/bow1.png"
    assert sorted_places(list(sorted_.values())) == {place: place for place in sorted_.values()}


@pytest.mark.parametrize(
    ("places", "told"),
    [
        (["hero/1.png"], "hero/1.png: must be CLASS/LOOK/NAME or CLASS/LOOK/KIND/NAME"),
        (["weapon/a/x/1.png", "weapon/a/y/1.png"], "weapon/a/1.png: would be the place of several pictures"),
    ],
)
def test_places_that_cannot_be_sorted_are_refused(places: list[str], told: str) -> None:
    with pytest.raises(SystemExit, match=f"^{told}$"):
        sorted_places(places)


def test_the_archive_is_rewritten_with_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(12):
            archive.writestr(f"weapon/mine/{'axe' if i < 11 else 'thing'}{i}.png", f"{i}")
    monkeypatch.setattr(sys, "argv", ["name_kinds", str(path)])
    main()
    assert capsys.readouterr().out == "weapon/axe 11\n11 of 12 pictures have a kind\n"
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name).decode() for name in archive.namelist()}
    assert content["weapon/mine/axe/axe4.png"] == "4" and content["weapon/mine/thing11.png"] == "11"
    first = path.read_bytes()
    main()
    assert path.read_bytes() == first


def test_the_shipped_pictures_are_sorted() -> None:
    with zipfile.ZipFile(STUDIO) as archive:
        places = archive.namelist()
    assert all(place == new for place, new in sorted_places(places).items())
    found = {tuple(place.split("/")[::2][:2]) for place in places if place.count("/") == 3}
    assert {name for name, _ in found} == set(KINDS) and len(found) > 80
