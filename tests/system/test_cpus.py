"""How many cores are used, and that threads that wait do not spin: at every entry, unless the user says otherwise."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from pixelart.jobs.process import environment
from pixelart.system import cpus

ROOT = Path(__file__).parents[2]
CORES = 8
SEES = """
import builtins, os, sys
plain = builtins.__import__
def watched(name, *given, **more):
    if name == "torch" and "torch" not in sys.modules:
        print(os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"))
        sys.stdout.flush()
        os._exit(0)
    return plain(name, *given, **more)
builtins.__import__ = watched
"""
"""Tells what is set when torch is imported first, and ends there."""
ENTRIES = {
    "the package": "import pixelart, torch",
    "the engine": "from pixelart.engine import Engine",
    "the app": "import app",
    "the commands": "import runpy, sys; sys.argv = ['-m', 'models']; runpy.run_module('pixelart', run_name='__main__')",
    "a benchmark": "import benchmarks.sampling",
    "a training's process": (
        "import os, runpy, sys; os.dup2(os.pipe()[0], 0)"  # the server's end of the pipe stays open
        "; sys.argv = ['-m', 'train', '--resume', '--attended']"
        "; runpy.run_module('pixelart', run_name='__main__')"
    ),
    "the tests": "import tests.conftest",
}


def _told(code: str, arguments: Sequence[str] = (), **variables: str) -> str:
    others = {name: value for name, value in os.environ.items() if name not in cpus.WAIT_VARIABLES}
    words = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(words, cwd=ROOT, env={**others, **variables}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_threads_wait_passively_before_torch_is_imported(entry: str) -> None:
    assert _told(SEES + entry) == "PASSIVE None"


BENCHMARKS = """
import builtins, importlib, os, sys
plain = builtins.__import__
def watched(name, *given, **more):
    if name.split(".")[0] in ("numpy", "torch"):
        print(module, os.environ.get("OMP_WAIT_POLICY"), flush=True)
        os._exit(0)
    return plain(name, *given, **more)
builtins.__import__ = watched
for module in sys.argv[1:]:
    if not os.fork():
        importlib.import_module(module)
        os._exit(0)
    os.wait()
"""
"""Tells of each module what is set when numpy or torch is imported first."""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="where processes fork")
def test_threads_wait_passively_in_every_benchmark() -> None:
    paths = [path for path in sorted((ROOT / "benchmarks").rglob("*.py")) if path.name != "__init__.py"]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    told = _told(BENCHMARKS, modules).split("\n")
    assert [line.split()[1] for line in told] == ["PASSIVE"] * len(told)
    silent = set(modules) - {line.split()[0] for line in told}  # they import neither
    assert len(silent) < len(modules) / 4 and len(told) > 10


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "5")])
def test_what_the_user_says_reaches_a_training(name: str, value: str) -> None:
    passed = environment({**os.environ, name: value, "HF_TOKEN": "hf_secret"}, threads=2)
    assert passed[name] == value and "HF_TOKEN" not in passed
    told = _told(SEES + ENTRIES["a training's process"], **{name: value}).split()
    assert told == ([value, "None"] if name == "OMP_WAIT_POLICY" else ["None", value])


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "5")])
def test_what_the_user_says_stands(name: str, value: str) -> None:
    told = _told(SEES + "import pixelart, torch", **{name: value}).split()
    assert told == ([value, "None"] if name == "OMP_WAIT_POLICY" else ["None", value])


@pytest.mark.parametrize("name", cpus.WAIT_VARIABLES)
def test_one_word_of_the_user_is_enough(name: str) -> None:
    variables = {name: "1", "OMP_NUM_THREADS": "3"}
    cpus.set_defaults(variables)
    assert variables == {name: "1", "OMP_NUM_THREADS": "3"}


QUOTAS = {
    "none": ({}, CORES),
    "version 2, no limit": ({"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "max 100000"}, CORES),
    "version 2": ({"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/b/cpu.max": "250000 100000"}, 3),
    "version 2, of the group above": (
        {
            "proc/self/cgroup": "0::/a/b",
            "sys/fs/cgroup/a/b/cpu.max": "max 100000",
            "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
        },
        2,
    ),
    "version 2, in a container": ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "100000 100000"}, 1),
    "version 2, a path of the host": ({"proc/self/cgroup": "0::/../x", "sys/fs/cgroup/cpu.max": "150000 100000"}, 2),
    "version 2, more than there is": ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "9900000 100000"}, CORES),
    "version 2, a hundredth": ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "1000 100000"}, 1),
    "version 1": (
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/d\n3:memory:/d\n",
            "sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_quota_us": "400000\n",
            "sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_period_us": "100000\n",
        },
        4,
    ),
    "version 1, in a container": (
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/1234\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
        2,
    ),
    "version 1, no limit": (
        {
            "proc/self/cgroup": "5:cpu:/",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
        CORES,
    ),
    "nonsense": ({"proc/self/cgroup": "0::/\nx\n", "sys/fs/cgroup/cpu.max": "a b c"}, CORES),
}


@pytest.mark.parametrize(("files", "cores"), QUOTAS.values(), ids=QUOTAS)
def test_the_quota_of_a_container_counts(
    files: dict[str, str], cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpus, "_affinity", lambda: {*range(CORES)})
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpus.usable_cores(tmp_path) == cores


def test_fewer_cores_than_openmp_would_count_are_told_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "_affinity", lambda: {*range(CORES)})
    for cores, said in ((2, {"OMP_NUM_THREADS": "2"}), (CORES, {})):
        monkeypatch.setattr(cpus, "usable_cores", lambda cores=cores: cores)
        variables: dict[str, str] = {}
        cpus.set_defaults(variables)
        assert variables == {"OMP_WAIT_POLICY": "PASSIVE", **said}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="where a process may choose its cores")
def test_the_affinity_counts() -> None:
    say = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    say += "; import pixelart.system.cpus as c; print(c.usable_cores())"
    done = subprocess.run([sys.executable, "-c", say], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_no_compiled_loop_starts_threads_of_numba() -> None:
    """So none of its threading layers (omp, tbb, workqueue), which wait in ways of their own, is ever started."""
    for path in (ROOT / "pixelart").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.keyword) and node.arg == "parallel"), path
            assert not (isinstance(node, ast.Name | ast.alias) and "prange" in ast.unparse(node)), path
