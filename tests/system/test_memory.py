"""How much memory there is: of a machine, and of cgroups of both versions, as small made-up file systems."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from pixelart.system import memory
from pixelart.system.memory import MIB, cgroup_limits, physical_memory, share_of_memory, usable_memory


def _made_up(root: Path, cgroup: str, limits: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": cgroup, **{f"sys/fs/cgroup/{k}": v for k, v in limits.items()}}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_cgroup_of_version_2_and_those_around_it_limit(tmp_path: Path) -> None:
    limits = {"a/b/memory.max": "max\n", "a/memory.max": f"{700 * MIB}\n", "memory.max": f"{900 * MIB}\n"}
    assert list(cgroup_limits(_made_up(tmp_path, "0::/a/b\n", limits))) == [700 * MIB, 900 * MIB]


def test_a_container_that_sees_its_cgroup_as_the_root_is_limited_by_it(tmp_path: Path) -> None:
    root = _made_up(tmp_path, "0::/docker/1234\n", {"memory.max": f"{512 * MIB}\n"})
    assert list(cgroup_limits(root)) == [512 * MIB]


def test_a_cgroup_of_version_1_limits_and_other_controllers_do_not(tmp_path: Path) -> None:
    limits = {"memory/x/memory.limit_in_bytes": f"{300 * MIB}\n", "cpu/x/memory.limit_in_bytes": "1\n"}
    root = _made_up(tmp_path, "5:cpu,cpuacct:/x\n4:memory:/x\n1:name=systemd:/x\n0::/x\n", limits)
    assert list(cgroup_limits(root)) == [300 * MIB]


@pytest.mark.parametrize("text", ["", "nonsense\n", "0::/../..\n", "4:memory\n"])
def test_what_cannot_be_read_limits_nothing(tmp_path: Path, text: str) -> None:
    assert list(cgroup_limits(_made_up(tmp_path / "in/it", text, {"memory.max": "much\n"}))) == []
    assert list(cgroup_limits(tmp_path / "nowhere")) == []


GIB = 1024
SHARES = {
    "max_session_bytes": {1 * GIB: 32, 12 * GIB: 48, 64 * GIB: 64},
    "max_held_bytes": {1 * GIB: 64, 12 * GIB: 192, 64 * GIB: 192},
    "max_drawing_bytes": {1 * GIB: 256, 12 * GIB: 384, 64 * GIB: 512},
    "own_drawing_bytes": {1 * GIB: 512, 12 * GIB: 3072, 64 * GIB: 16384},
    "max_decoded_bytes": {1 * GIB: 512, 12 * GIB: 1536, 64 * GIB: 2048},
    "max_job_bytes": {1 * GIB: 1024, 12 * GIB: 6144, 64 * GIB: 32768},
}
"""Limit -> MiB of a machine -> MiB of the limit."""


@pytest.mark.parametrize("machine", [1 * GIB, 12 * GIB, 64 * GIB])
def test_each_limit_is_its_share_of_the_machine(machine: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "usable_memory", lambda: machine * MIB)
    settings = runpy.run_path(str(Path(memory.__file__).parents[1] / "settings.py"), run_name="settings")["SETTINGS"]
    found = {name: getattr(settings, name) // MIB for name in SHARES}
    assert found == {name: shares[machine] for name, shares in SHARES.items()}
    assert settings.max_session_bytes <= settings.max_held_bytes
    # Beside the libraries and weights, some 700 MiB: what the benchmark of the limits allows the server.
    assert (settings.max_held_bytes + settings.max_drawing_bytes) // MIB + 700 <= 1536


def test_a_share_lies_between_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < usable_memory() <= physical_memory()
    monkeypatch.setattr(memory, "usable_memory", lambda: 1024 * MIB)
    assert share_of_memory(4, least=1) == 256 * MIB
    assert share_of_memory(4, least=300 * MIB) == 300 * MIB
    assert share_of_memory(4, least=1, most=100 * MIB) == 100 * MIB
