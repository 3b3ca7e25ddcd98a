"""Load from Hub: a checkpoint comes, is chosen, and says where it is from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pixelart.ui.hub.load import LoadHandlers
from pixelart.ui.hub.upload import LOAD_NOT_HERE
from pixelart.ui.security.hosting import Hosting
from tests.hub_server import HubServer
from tests.ui.fake_engine import FakeEngine
from tests.ui.hub_apps import hub_of, make_models, serving_models
from tests.ui.page_events import BAD, assert_plain
from tests.ui.serving import GRADIO_WARNINGS
from tests.ui.visitor import Visitor

pytestmark = pytest.mark.filterwarnings(*GRADIO_WARNINGS)
BOBS = "hf_bobsOwn"


@pytest.fixture(scope="module")
def hub(tiny_checkpoints: Path) -> Iterator[HubServer]:
    with hub_of({BOBS: "bob"}) as hub:
        files = {path.name: path.read_bytes() for path in (tiny_checkpoints / "tiny").iterdir()}
        hub.add("art/heroes", files)
        hub.add("bob/secret", files, private=True)
        yield hub


@pytest.fixture(scope="module")
def folder(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loaded") / "checkpoints"
    make_models(tiny_run, folder, {"tiny": ""})
    return folder


@pytest.fixture(scope="module")
def url(folder: Path, hub: HubServer) -> Iterator[str]:
    with serving_models(folder, folder.parent / "jobs", Hosting("desktop")) as url:
        yield url


@pytest.mark.slow
def test_a_checkpoint_comes_is_chosen_and_says_where_it_is_from(
    url: str, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixelart.ui.hub.load.local_token", lambda: BOBS)
    visitor, commit = Visitor(url), hub.repos["art/heroes"].commits[-1].oid
    status, model, notice = visitor.post("load_model", [" art/heroes "]).data
    assert f"art--heroes is loaded and chosen. Revision {commit[:7]}." in status
    assert model["value"] == "art--heroes" and "art--heroes" in [value for _, value in model["choices"]]
    assert not notice["visible"]
    assert "was loaded before" in visitor.post("load_model", ["art/heroes"]).told()
    (origin,) = visitor.post("show_origin", ["art--heroes"]).data
    assert f"https://huggingface.co/art/heroes/tree/{commit}" in origin and f"<span>{commit[:7]}</span>" in origin
    newer = hub.commit(hub.repos["art/heroes"], {**hub.repos["art/heroes"].files, "README.md": b"newer"}).oid
    assert f"Revision {commit[:7]}." in visitor.post("load_model", ["art/heroes"]).told()
    for told in ("is loaded", "was loaded before"):
        status, model, _ = visitor.post("load_model", ["art/heroes@main"]).data
        assert model["value"] == f"art--heroes--{newer[:8]}" and f"Revision {newer[:7]}." in status and told in status
    assert "was loaded before" in visitor.post("load_model", [f"art/heroes@{newer}"]).told()
    newest = hub.commit(hub.repos["art/heroes"], {**hub.repos["art/heroes"].files, "README.md": b"newest"}).oid
    assert visitor.post("load_model", ["art/heroes@main"]).data[1]["value"] == f"art--heroes--{newest[:8]}"
    assert visitor.post("load_model", ["art/heroes@../x"]).error == "revision '../x': write a branch, a tag or a commit"
    assert visitor.post("load_model", ["bob/secret"]).data[1]["value"] == "bob--secret"
    assert BOBS not in visitor.post("show_origin", ["bob--secret"]).raw


@pytest.mark.slow
def test_what_cannot_be_loaded_is_told_in_one_line_and_nothing_is_chosen(
    url: str, folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixelart.ui.hub.load.local_token", lambda: None)
    visitor, before = Visitor(url), sorted(folder.iterdir())
    for value in [*BAD, "art/none", "art", "../x"]:
        answer = visitor.post("load_model", [value])
        assert_plain(answer)
        assert answer.error and "went wrong" not in answer.error, value
        assert str(folder) not in answer.raw
    (folder / "art--taken").mkdir()
    assert visitor.post("load_model", ["art/taken"]).error == (
        "art--taken: exists already (another model has this name; rename its folder)"
    )
    (folder / "art--taken").rmdir()
    assert sorted(folder.iterdir()) == before


def test_what_a_proxy_passes_on_loads_nothing(url: str, hub: HubServer) -> None:
    hub.asked.clear()
    visitor = Visitor(url, headers={"X-Forwarded-For": "203.0.113.5"})
    assert visitor.post("load_model", ["art/heroes"]).error == LOAD_NOT_HERE and hub.asked == []


@pytest.mark.slow
def test_a_model_that_was_made_here_has_no_origin() -> None:
    handlers = LoadHandlers(FakeEngine())  # pyright: ignore[reportArgumentType]
    assert [handlers.show_origin(model) for model in ("tiny", "gone", "", None, 3, [])] == [""] * 6
