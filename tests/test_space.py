"""The folder that a Space is made of: what is in it, what it says to the Hub, and that it starts there."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import HfApi, close_session, constants

from pixelart.checkpoint.library import Library
from pixelart.checkpoint.ownership import OWNER_FILE, owner_digest
from pixelart.cli.main import main
from pixelart.hub import client
from pixelart.hub.space import SOURCES, TORCH, space_files
from pixelart.settings import ROOT
from tests.hub_server import HubServer, serve
from tests.not_compiled import NOT_COMPILED
from tests.tiers import a_long

SECRET = "hf_ofWhoeverIsSignedIn"
MATTER = yaml.safe_load((ROOT / "README.md").read_text("utf-8").split("---\n")[1])


def library(folder: Path) -> Library:
    return Library(folder, device=torch.device("cpu"), memory_bytes=0)


def page(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


def run(*words: str) -> int:
    return main(["space", *words])


def test_the_front_matter_asks_for_the_least_and_says_what_runs() -> None:
    assert MATTER["hf_oauth"] is True and MATTER["hf_oauth_scopes"] == ["contribute-repos", "jobs"]
    assert len(MATTER["short_description"]) <= 60 and len(MATTER["title"]) <= 60
    assert MATTER["sdk"] == "gradio" and (ROOT / MATTER["app_file"]).is_file()
    assert f"gradio=={MATTER['sdk_version']}" in (ROOT / "requirements.txt").read_text().split()
    assert MATTER["python_version"] in ("3.10", "3.12")  # the ones of ZeroGPU
    assert not {"models", "datasets", "preload_from_hub"} & set(MATTER)  # there is none on the Hub yet


@pytest.mark.slow
def test_a_dry_run_writes_what_a_space_needs_and_nothing_else(
    own_checkpoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_checkpoints / "tiny" / "notes.txt").write_text("mine")
    out = tmp_path / "space"
    assert run("--dry-run", "--out", str(out), "--folder", str(own_checkpoints), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert told["files"] == found and told["bytes"] == sum((out / name).stat().st_size for name in found)
    roots = {".gitattributes", "LICENSE", "README.md", "app.py", "requirements.txt"}
    assert {name for name in found if "/" not in name} == roots
    assert {name.split("/")[0] for name in found if "/" in name} == {"pixelart", "checkpoints"}
    ours = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / "pixelart").rglob("*")
        if p.suffix in SOURCES and "__pycache__" not in p.parts
    }
    assert {name for name in found if name.startswith("pixelart/")} == ours
    of_tiny = {name.rpartition("/")[2] for name in found if name.startswith("checkpoints/")}
    assert {"config.json", "model.safetensors", "training_images.txt"} <= of_tiny and "notes.txt" not in of_tiny
    assert re.search("__pycache__|tests|runs/|jobs/data|outputs|[.]pyi", " ".join(found)) is None
    assert yaml.safe_load((out / "README.md").read_text("utf-8").split("---\n")[1]) == MATTER


def test_its_requirements_are_the_programs_with_what_zero_gpu_and_sign_in_need(own_checkpoints: Path) -> None:
    ours = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = [TORCH if line.startswith("torch") else line.replace("gradio==", "gradio[oauth]==") for line in ours]
    assert space_files(library(own_checkpoints))["requirements.txt"].decode().splitlines() == wanted != ours


def test_its_readme_speaks_of_no_file_that_is_not_there(own_checkpoints: Path) -> None:
    files = space_files(library(own_checkpoints))
    links = re.findall(r"\]\(([^)#:]+)\)", files["README.md"].decode())
    shutil.rmtree(own_checkpoints / "tiny")
    assert (
        links in ([], ["checkpoints/tiny/README.md"])
        and "](" not in space_files(library(own_checkpoints))["README.md"].decode()
    )


def test_checkpoints_are_chosen_by_name_and_no_visitors_goes_along(own_checkpoints: Path) -> None:
    shutil.copytree(own_checkpoints / "tiny", own_checkpoints / "anns")
    (own_checkpoints / "anns" / OWNER_FILE).write_bytes(owner_digest("ann"))
    shutil.copytree(own_checkpoints / "tiny", own_checkpoints / "other")
    damaged = shutil.copytree(own_checkpoints / "tiny", own_checkpoints / "damaged")
    (damaged / "model.safetensors").write_bytes(b"x")

    def of(files: Any) -> set[str]:
        return {name.split("/")[1] for name in files if name.startswith("checkpoints/")}

    assert of(space_files(library(own_checkpoints))) == {"tiny", "other"}
    assert of(space_files(library(own_checkpoints), ["other"])) == {"other"}
    assert of(space_files(library(own_checkpoints), [])) == set()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "give --dry-run"),
        (["--dry-run"], "give --dry-run"),
        (["--out", "x"], "give --dry-run"),
        (["--dry-run", "--out", "x", "--repo", "a/b"], "give --dry-run"),
        (["--dry-run", "--out", "{there}"], "exists already"),
        (["--dry-run", "--out", "x", "--checkpoints", "gone"], "checkpoint 'gone' not found"),
        (["--dry-run", "--out", "x", "--checkpoints", "anns"], "belongs to a visitor"),
        (["--dry-run", "--out", "x", "--checkpoints", "damaged"], "damaged/model.safetensors"),
        (["--dry-run", "--out", "x", "--checkpoints", "../tiny"], "not found"),
        (["--repo", "studio"], "write owner/name"),
    ],
)
def test_what_cannot_be_said_ends_with_one_plain_line_and_leaves_nothing(
    words: list[str],
    reason: str,
    own_checkpoints: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(own_checkpoints / "tiny", own_checkpoints / "anns")
    (own_checkpoints / "anns" / OWNER_FILE).write_bytes(owner_digest("ann"))
    damaged = shutil.copytree(own_checkpoints / "tiny", own_checkpoints / "damaged")
    (damaged / "model.safetensors").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pixelart.cli.space.local_token", lambda: SECRET)
    monkeypatch.setattr("pixelart.cli.space.sign_in", lambda token: "art")
    before = sorted(os.listdir(tmp_path))
    assert run(*(word.format(there=own_checkpoints) for word in words), "--folder", str(own_checkpoints)) == 2
    told = capsys.readouterr().err
    assert reason in told and told.count("\n") == 1 and sorted(os.listdir(tmp_path)) == before


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with serve(HubServer(users={SECRET: "art"})) as served:
        monkeypatch.setattr(client, "HfApi", partial(HfApi, endpoint=served.url))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr("pixelart.cli.space.local_token", lambda: SECRET)
        yield served
        close_session()


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the client, of itself
def test_a_push_is_one_commit_of_the_same_files_and_a_second_one_makes_none(
    hub: HubServer, own_checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--repo", "art/studio", "--folder", str(own_checkpoints), "--json")
    assert run(*words) == 0
    told = json.loads(capsys.readouterr().out)
    repo = hub.repos["spaces/art/studio"]
    assert repo.files == space_files(library(own_checkpoints)) and sorted(repo.files) == told["files"]
    assert len(repo.commits) == 2 and repo.private and told["is_new"] and told["commit"] == repo.commits[-1].oid
    created = next(
        json.loads(body) for (stage, _), body in zip(hub.asked, hub.bodies, strict=True) if stage == "create"
    )
    assert (created["type"], created["sdk"]) == ("space", "gradio")
    assert run(*words) == 0 and len(repo.commits) == 2
    hub.commit(repo, {**repo.files, "pixelart/old.py": b"", "checkpoints/old/config.json": b"", "notes.md": b"theirs"})
    assert run(*words) == 0
    assert len(repo.commits) == 4 and repo.files == {**space_files(library(own_checkpoints)), "notes.md": b"theirs"}


def test_nobody_signed_in_pushes_nothing(
    hub: HubServer, own_checkpoints: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pixelart.cli.space.local_token", lambda: None)
    assert run("--repo", "art/studio", "--folder", str(own_checkpoints)) == 2
    assert capsys.readouterr().err == "pixelart space: sign-in: nobody is signed in\n" and not hub.repos


# --- it starts ----------------------------------------------------------------------------------------------------


def nothing(folder: Path) -> None:
    shutil.rmtree(folder)


def empty(folder: Path) -> None:
    shutil.rmtree(folder / "tiny")


def a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("not a folder")


def cut(name: str, folder: Path) -> None:
    path = folder / "tiny" / name
    path.write_bytes(path.read_bytes()[:-7])


def gone(name: str, folder: Path) -> None:
    (folder / "tiny" / name).unlink()


def noise(name: str, folder: Path) -> None:
    (folder / "tiny" / name).write_bytes(os.urandom(999))


def beside_good(folder: Path) -> None:
    shutil.copytree(folder / "tiny", folder / "good")
    cut("model.safetensors", folder)


def half_written(folder: Path) -> None:
    (folder / "tiny").rename(folder / ".tiny.tmp")


def a_visitors(folder: Path) -> None:
    (folder / "tiny" / OWNER_FILE).write_bytes(owner_digest("ann"))


LAYOUTS: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "whole": (lambda folder: None, ["tiny"]),
    "no folder": (nothing, []),
    "an empty folder": (empty, []),
    "a file in its place": (a_file, []),
    "no config": (partial(gone, "config.json"), []),
    "no weights": (partial(gone, "model.safetensors"), []),
    "cut config": (partial(cut, "config.json"), []),
    "cut weights": (partial(cut, "model.safetensors"), []),
    "noise for a config": (partial(noise, "config.json"), []),
    "noise for weights": (partial(noise, "model.safetensors"), []),
    "damaged beside good": (beside_good, ["good"]),
    "half written": (half_written, []),
    "a visitor's": (a_visitors, []),
}
USUAL = ("whole",)
"""Each starts an app; the others are for a release."""


@contextmanager
def started(folder: Path, environ: dict[str, str]) -> Iterator[str]:
    """The URL of the app of a folder that was written, started in a clean process as the Hub does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    home = folder.with_name("home")
    home.mkdir(exist_ok=True)
    given = {
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        **NOT_COMPILED,
    }
    log = folder.with_name("log").open("w")
    command = [sys.executable, "-X", "faulthandler", "app.py"]
    with (
        log,
        subprocess.Popen(command, cwd=folder, env={**kept, **given, **environ}, stdout=log, stderr=log) as process,
    ):
        try:
            for _ in range(1200):
                assert process.poll() is None, folder.with_name("log").read_text()
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(60)


SPACE = {"SYSTEM": "spaces", "SPACE_ID": "art/studio"}


@pytest.fixture(scope="module")
def written(tiny_checkpoints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("space") / "space"
    assert run("--dry-run", "--out", str(out), "--folder", str(tiny_checkpoints)) == 0
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    "layout",
    [name if name in USUAL else a_long(name) for name in LAYOUTS],
)
def test_it_starts_without_network_or_token_whatever_lies_in_its_checkpoints(
    layout: str, written: Path, tmp_path: Path
) -> None:
    from tests.ui.visitor import Visitor

    damage, names = LAYOUTS[layout]
    folder = shutil.copytree(written, tmp_path / "space")
    damage(folder / "checkpoints")
    with started(folder, SPACE) as url:
        visitor = Visitor(url)
        config = page(f"{url}config")
        assert "Pixel Art Studio" in page(url) and "Training is off here" in config and "duplicate=true" in config
        assert "on_load" in visitor.events and "start_training" not in visitor.events
        visitor.post("on_load", [None])
        _, notice, models, *_ = visitor.post("load", [None, None]).data
        assert [value for _, value in models["choices"]] == names and notice["visible"] == (not names)
        if names:
            drawn = visitor.post(
                "generate", visitor.values("generate", ticket=1, model=names[0], seed=5, class_name="cross")
            )
            assert "4 pictures in" in drawn.data[1]
        else:
            assert "No model is installed" in config
            assert (
                "No model is installed"
                in visitor.post("generate", visitor.values("generate", ticket=1, model=None, seed=5)).told()
            )


@pytest.mark.slow
def test_on_zero_gpu_it_draws_in_forked_processes_and_trains_nothing(written: Path, tmp_path: Path) -> None:
    from tests.ui.visitor import Visitor

    folder = shutil.copytree(written, tmp_path / "space")
    shutil.copy(Path(__file__).with_name("fake_spaces.py"), folder / "spaces.py")
    module = folder / "spaces.py"
    module.write_text(module.read_text() + "\n\ndef gradio_auto_wrap(task):\n    return task\n")
    with started(folder, {**SPACE, "SPACES_ZERO_GPU": "true"}) as url:
        visitor = Visitor(url)
        visitor.post("on_load", [None])
        drawn = visitor.post(
            "generate", visitor.values("generate", ticket=1, model="tiny", seed=5, images=2, class_name="cross")
        )
        assert (
            "2 pictures in" in drawn.data[1] and "for seconds" in urllib.request.urlopen(f"{url}config").read().decode()
        )
    assert "drawing on the CPU" not in folder.with_name("log").read_text()


class Provider(BaseHTTPRequestHandler):
    """As much of the Hub's sign-in as is asked before a visitor is sent there."""

    def do_GET(self) -> None:
        here = f"http://{self.headers['Host']}"
        names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
        answer = json.dumps({"issuer": here, **{name: f"{here}/{name}" for name in names}}).encode()
        self.send_response(200 if self.path == "/.well-known/openid-configuration" else 404)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.slow
def test_with_sign_in_a_visitor_is_sent_to_the_hub_and_let_back_in(written: Path, tmp_path: Path) -> None:
    from tests.ui.attacks import RawClient
    from tests.ui.visitor import Visitor

    folder = shutil.copytree(written, tmp_path / "space")
    provider = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    given = {
        "OAUTH_CLIENT_ID": "client-of-the-space",
        "OAUTH_CLIENT_SECRET": "secret-of-the-space",
        "OAUTH_SCOPES": "openid profile contribute-repos",
        "OPENID_PROVIDER_URL": f"http://127.0.0.1:{provider.server_address[1]}",
        "SPACE_HOST": "art-studio.hf.space",
    }
    try:
        with started(folder, {**SPACE, **given}) as url:
            client, visitor = RawClient(url), Visitor(url)
            status, headers, _ = client.ask("GET", "/login/huggingface")
            sent = urllib.parse.urlsplit(headers["location"])
            asked = dict(urllib.parse.parse_qsl(sent.query))
            assert status == 302 and sent.path == "/authorization_endpoint" and "state" in asked
            assert asked["client_id"] == "client-of-the-space" and "contribute-repos" in asked["scope"]
            assert asked["redirect_uri"].startswith("https://art-studio.hf.space/login/callback")
            status, headers, _ = client.ask("GET", "/login/callback?state=unknown&code=x")
            assert status in (302, 307) and headers["location"].startswith("/login/huggingface")
            assert client.ask("GET", "/logout")[0] in (302, 307)
            assert "start_training" in visitor.events and "Sign in" in page(f"{url}config")
            visitor.post("on_load", [{"owner": "a" * 32, "job": ""}])
            memory = {"owner": "a" * 32, "job": "0" * 16}
            assert visitor.post("stop_training", [memory, "0" * 16]).error
            for path, origin in (("/config", "https://art-studio.hf.space"), ("/", "https://art-studio.hf.space")):
                assert client.ask("GET", path, headers=[("Origin", origin)])[0] == 200
    finally:
        provider.shutdown()
        provider.server_close()
    assert "secret-of-the-space" not in folder.with_name("log").read_text()
