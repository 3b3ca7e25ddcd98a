"""One name, one thing: no two modules of the package define the same public name, and no file is long."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping

import pytest
import yaml

from tests.test_tree import MODULES, ROOT

SAME_NAME: Mapping[str, str] = {"add_commands": "each module of commands has one, which cli/main.py calls"}
"""Public names that several modules may define, each with its reason."""
OTHER_PROGRAM = "pixelart.integrations.krita."
"""Runs in Krita's Python, where nothing of the package is."""
MOST_LINES = 300


def _names(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements at the top level of a module define; imports define none."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
        elif isinstance(node, ast.If | ast.Try | ast.With):
            inner = [*node.body, *getattr(node, "orelse", []), *getattr(node, "finalbody", [])]
            yield from _names(inner + [line for one in getattr(node, "handlers", []) for line in one.body])


def _defined_twice(modules: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    """Each public name that several modules define, with the modules."""
    found = defaultdict[str, list[str]](list)
    for module, tree in modules.items():
        for name in set(_names(tree.body)):
            found[name].append(module)
    return {name: sorted(places) for name, places in found.items() if len(places) > 1 and not name.startswith("_")}


def test_no_public_name_is_defined_in_two_modules() -> None:
    own = {name for name in MODULES if name.startswith("pixelart") and not name.startswith(OTHER_PROGRAM)}
    twice = _defined_twice({name: MODULES[name] for name in own})
    assert {name: places for name, places in twice.items() if name not in SAME_NAME} == {}
    assert set(SAME_NAME) <= set(twice) and all(SAME_NAME.values()), "a reason that is no longer needed"


@pytest.mark.parametrize(
    "source",
    [
        "def size(): ...",
        "async def size(): ...",
        "class size: ...",
        "size = 1",
        "size: int = 1",
        "other, (size, _) = 1, (2, 3)",
        "size = other = 1",
        "try:\n    import a\nexcept ImportError:\n    size = 1",
        "if True:\n    pass\nelse:\n    def size(): ...",
    ],
)
def test_the_walk_sees_a_definition(source: str) -> None:
    assert _defined_twice({"a": ast.parse("size = 1"), "b": ast.parse(source)}) == {"size": ["a", "b"]}


@pytest.mark.parametrize(
    "source", ["from a import size", "def f():\n    size = 1", "_size = 1", "class A:\n    size = 1"]
)
def test_the_walk_passes_what_defines_no_public_name(source: str) -> None:
    assert _defined_twice({"a": ast.parse("size = _size = 1"), "b": ast.parse(source)}) == {}


def test_no_file_is_long() -> None:
    files = [path for place in ("pixelart", "benchmarks") for path in (ROOT / place).rglob("*.py")]
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in files}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_a_commit_is_checked_by_the_ruff_of_the_requirements() -> None:
    (source,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert source["repo"] == "local" and {hook["language"] for hook in source["hooks"]} == {"system"}
    assert [hook["entry"].split()[:2] for hook in source["hooks"]] == [["ruff", "check"], ["ruff", "format"]]
    assert any(line.startswith("ruff==") for line in (ROOT / "requirements-dev.txt").read_text().splitlines())
