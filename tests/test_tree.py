"""The rooms of docs/architecture.md: imports go down only, gradio stays in its room, and nothing runs what it reads."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS: list[tuple[str, ...]] = [  # from top to bottom; rooms of one line lie beside each other and share nothing
    ("app", "pixelart.__main__"),
    ("pixelart.cli", "pixelart.ui"),
    ("pixelart.jobs", "pixelart.hub", "pixelart.shards"),
    ("pixelart.training", "pixelart.compression"),
    ("pixelart.engine",),
    ("pixelart.sampling", "pixelart.checkpoint"),
    ("pixelart.models",),
    ("pixelart.layers", "pixelart.controls"),
    ("pixelart.likelihoods", "pixelart.images", "pixelart.integrations"),
    ("pixelart.settings", "pixelart.devices", "pixelart.plain_json"),
    ("pixelart.system", "pixelart.shutdown"),
    ("pixelart.storage", "pixelart.progress"),
    ("pixelart.errors",),
]
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
CALLS = {"eval", "exec", "__import__", "execfile"}
ATTRIBUTES = {"torch.load", "torch.save", "torch.jit.load", "torch.hub.load", "os.system", "os.popen", "yaml.load"}
ATTRIBUTES |= {"yaml.unsafe_load", "np.load", "numpy.load", "pickle.loads", "importlib.import_module"}


def _sources(*places: str) -> dict[str, ast.Module]:
    """Dotted module name -> syntax tree of every Python file of the places."""
    found: dict[str, ast.Module] = {}
    for place in places:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = ast.parse(file.read_text(), str(file))
    return found


MODULES = _sources("app.py", "pixelart")
PROGRAMS = _sources("app.py", "pixelart", "benchmarks")


def _imports(module: str, tree: ast.Module, *, is_package: bool = False) -> Iterator[str]:
    """The dotted names that a module imports, anywhere in it; a relative import is resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".") + (["x"] if is_package else [])
                base = ".".join([*parts[: -node.level], *([base] if base else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _room(name: str) -> tuple[int, str] | None:
    """Line of ROOMS and room of a dotted name; None for what lies outside the house."""
    for line, rooms in enumerate(ROOMS):
        for room in rooms:
            if name == room or name.startswith(room + "."):
                return line, room
    return None


def _climbs(module: str, tree: ast.Module, *, is_package: bool = False) -> list[str]:
    """The imports of a module that do not go down the list."""
    here = _room(module)
    assert here is not None, f"{module} has no place in ROOMS"
    wrong = []
    for name in _imports(module, tree, is_package=is_package):
        there = _room(name)
        if there and there[1] != here[1] and there[0] <= here[0]:
            wrong.append(f"{module} imports {name}")
        if name.split(".")[0] == "pixelart" and not there:
            wrong.append(f"{module} imports {name}, which has no place in ROOMS")
    return wrong


def _risks(tree: ast.Module) -> list[str]:
    """What could run data as code, by line."""
    found = []
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names]
            base = node.module if isinstance(node, ast.ImportFrom) and node.module else None
            whole = {base, *names, *(f"{base}.{name}" for name in names)} - {None}
            roots = {str(name).split(".")[0] for name in ([base] if base else names)}
            found += [f"{line}: imports {name}" for name in sorted((roots & PICKLES) | (ATTRIBUTES & whole))]
        elif isinstance(node, ast.Name) and node.id in CALLS:
            found.append(f"{line}: {node.id}")
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ATTRIBUTES:
            found.append(f"{line}: {ast.unparse(node)}")
        elif isinstance(node, ast.keyword) and node.arg in ("shell", "trust_remote_code", "allow_pickle"):
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                found.append(f"{node.value.lineno}: {node.arg}=")
        elif isinstance(node, ast.keyword) and node.arg == "weights_only":
            found.append(f"{node.value.lineno}: {node.arg}=")
    return found


def test_no_ignored_file_is_tracked() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ""


def test_the_tree_is_read() -> None:
    assert {"app", "pixelart", "pixelart.engine", "pixelart.ui", "pixelart.training.trainer"} <= set(MODULES)
    assert {room for line in ROOMS for room in line} <= set(MODULES)


@pytest.mark.parametrize("module", [m for m in MODULES if m != "pixelart"])
def test_imports_go_down_only(module: str) -> None:
    is_package = (ROOT / module.replace(".", "/") / "__init__.py").exists()
    assert _climbs(module, MODULES[module], is_package=is_package) == []


def test_the_package_itself_imports_nothing_heavy_until_it_is_called() -> None:
    at_once = [node for node in MODULES["pixelart"].body if not isinstance(node, ast.FunctionDef)]
    of_types = [node for node in at_once if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    module = ast.Module([node for node in at_once if node not in of_types], [])
    imported = set(_imports("pixelart", module, is_package=True))
    assert {name for name in imported if name.startswith("pixelart")} == {"pixelart.system.cpus.set_defaults"}
    roots = {
        name.split(".")[0] for name in imported | set(_imports("pixelart.system.cpus", MODULES["pixelart.system.cpus"]))
    }
    light = {"__future__", "collections", "contextlib", "math", "os", "pathlib", "signal", "sys", "typing"}
    assert roots == {"pixelart", *light}


def test_gradio_is_imported_by_the_interface_only() -> None:
    users = {m for m, tree in MODULES.items() if any(i.split(".")[0] == "gradio" for i in _imports(m, tree))}
    assert users and all(m == "app" or m.startswith("pixelart.ui") for m in users)


def test_argparse_is_read_by_the_terminal_only() -> None:
    users = {m for m, tree in MODULES.items() if any(i.split(".")[0] == "argparse" for i in _imports(m, tree))}
    assert users and all(m.startswith("pixelart.cli.") for m in users)


def test_the_hub_is_asked_by_its_room_only() -> None:
    users = {m for m, tree in MODULES.items() if any(i.split(".")[0] == "huggingface_hub" for i in _imports(m, tree))}
    assert users and all(m.startswith("pixelart.hub.") for m in users)


@pytest.mark.parametrize("module", PROGRAMS)
def test_nothing_that_is_read_is_run(module: str) -> None:
    assert _risks(PROGRAMS[module]) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pixelart.images.codec", "from pixelart.engine import Engine"),
        ("pixelart.images.codec", "def f():\n    import pixelart.models"),
        ("pixelart.layers.gated", "from pixelart import models"),
        ("pixelart.layers.gated", "from ..models import base"),
        ("pixelart.engine", "from pixelart.jobs import Jobs"),
        ("pixelart.jobs.runner", "from pixelart.hub import own_token"),
        ("pixelart.training.config", "from pixelart.jobs import Jobs"),
        ("pixelart.engine", "from pixelart.ui import build"),
        ("pixelart.engine", "from pixelart.unheard_of import x"),
        ("pixelart.errors", "from pixelart.settings import SETTINGS"),
    ],
)
def test_the_walk_sees_an_import_that_climbs(module: str, source: str) -> None:
    assert _climbs(module, ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "def f():\n    import dill.source",
        "from torch import load",
        "import torch\nx = torch.load",
        "torch.save(1, 'a')",
        "eval('1')",
        "g = exec",
        "import os\nos.system('ls')",
        "from os import system",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "run('ls', shell=flag)",
        "yaml.load(text)",
        "np.load('a.npy')",
        "load(path, allow_pickle=True)",
        "load(path, weights_only=True)",
        "__import__('os')",
    ],
)
def test_the_walk_sees_a_risk(source: str) -> None:
    assert _risks(ast.parse(source))


def test_the_walk_lets_plain_code_pass() -> None:
    plain = "model.eval()\nrun(['ls'], shell=False)\nfrom safetensors.torch import load\nsafetensors.torch.load(data)"
    assert _risks(ast.parse(plain)) == []
