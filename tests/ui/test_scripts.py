"""The page's modules: which are served, how long a browser keeps them, and that they find each other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from pixelart.ui import scripts
from pixelart.ui.components import Answers, ColourPicker, FileDrop, FileSaver, PixelCanvas, Work
from pixelart.ui.scripts import STATIC, address, modules, version
from tests.test_tree import ROOT
from tests.ui.attacks import RawClient, traversals
from tests.ui.fake_engine import FakeEngine
from tests.ui.serving import GRADIO_WARNINGS, serving

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
IMPORT = re.compile(r'^(?:import|export) .*? from "([^"]+)";$', re.MULTILINE | re.DOTALL)
MOST_LINES = 200


@pytest.fixture(scope="module")
def client() -> Iterator[RawClient]:
    with serving(FakeEngine()) as url:
        yield RawClient(url)


def test_a_module_is_served_as_a_script_that_a_browser_keeps_for_ever(client: RawClient) -> None:
    for name, text in modules().items():
        status, headers, body = client.ask("GET", f"/{address(name)}")
        assert status == 200 and body.decode() == text, name
        assert headers["content-type"] == "text/javascript; charset=utf-8"
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["x-content-type-options"] == "nosniff"
    assert client.ask("HEAD", f"/{address('page.js')}")[0] == 200


def test_an_open_page_of_another_version_gets_the_module_and_does_not_keep_it(client: RawClient) -> None:
    status, headers, body = client.ask("GET", f"/studio/{'0' * 16}/drop.js")
    assert status == 200 and body.decode() == modules()["drop.js"]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "name",
    [
        "studio.css",
        "canvas/canvas.css",
        "title.html",
        "on_load.js",
        "canvas",
        "none.js",
        "canvas/../page.js",
        "",
        "page.JS",
    ],
)
def test_nothing_else_is_served(client: RawClient, name: str) -> None:
    assert client.ask("GET", f"/studio/{version()}/{name}")[0] == 404
    assert client.ask("POST", f"/studio/{version()}/page.js")[0] == 405


@pytest.mark.parametrize("suffix", ["canary.js", "canary.txt"])
def test_no_way_to_write_a_path_leads_to_another_file(client: RawClient, tmp_path: Path, suffix: str) -> None:
    (tmp_path / suffix).write_text("a secret")
    for prefix in (f"/studio/{version()}/", "/studio/", f"/studio/{version()}/canvas/"):
        for path in [str(tmp_path / suffix), *traversals(tmp_path / suffix)]:
            status, _, body = client.ask("GET", prefix + path)
            assert status in (400, 404, 405) and b"a secret" not in body, path


def test_another_text_gives_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    version.cache_clear()
    changed = {**modules(), "page.js": modules()["page.js"] + "\n"}
    before = version()
    version.cache_clear()
    monkeypatch.setattr(scripts, "modules", lambda: changed)
    assert version() != before
    version.cache_clear()


def test_every_import_names_a_module() -> None:
    assert len(IMPORT.findall(modules()["canvas/main.js"])) >= 5
    for name, text in modules().items():
        for wanted in IMPORT.findall(text):
            assert wanted.startswith("."), f"{name} imports {wanted}: the page has no packages"
            path = STATIC / PurePosixPath(name).parent / wanted
            assert path.resolve().relative_to(STATIC.resolve()).as_posix() in modules(), f"{name} imports {wanted}"


def test_every_component_starts_a_module_that_exports_start() -> None:
    components = [PixelCanvas(), Work(), Answers(), ColourPicker(), FileDrop(), FileSaver()]
    for component in components:
        script = str(component.js_on_load)
        told = json.loads(script.partition("=")[2].partition(";\n")[0])
        name = told["module"].removeprefix(f"studio/{version()}/")
        assert "export function start(" in modules()[name], type(component).__name__
    with pytest.raises(KeyError):
        scripts.on_load("none.js")


@pytest.mark.parametrize("name", modules())
def test_a_module_is_short(name: str) -> None:
    assert len(modules()[name].splitlines()) <= MOST_LINES


def test_the_checks_of_the_scripts_name_no_registry() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    assert package["private"] and package["type"] == "module" and not (ROOT / "package-lock.json").exists()
    assert all(re.fullmatch(r"[\d.]+", pinned) for pinned in package["devDependencies"].values())
