"""A Hub on this machine with Jobs: a submitted job really runs its command, in a child process here.

What differs from the real thing: there is no container. The mounted dataset is a folder, whose path replaces the mount
path in the command; and `pip` is a small program that unpacks the wheel into a folder on PYTHONPATH and checks that its
other requirements are installed here, in any version. The training that runs is the one of the uploaded wheel.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from pixelart.settings import ROOT
from tests.hub_server import Answer, HubServer, _json

GPU = {"type": "gpu", "model": "A10G", "quantity": "1", "vram": "24 GB", "manufacturer": "Nvidia"}
HARDWARE: list[dict[str, Any]] = [
    {"name": name, "prettyName": name, "cpu": "2 vCPU", "ram": "16 GB", "accelerator": chip, "unitCostMicroUSD": price,
     "unitCostUSD": price / 1e6, "unitLabel": "minute"}
    for name, chip, price in (
        ("cpu-upgrade", None, 500), ("a10g-small", GPU, 16667), ("a10g-largex4", {**GPU, "quantity": "4"}, 83333),
    )
]  # fmt: skip
PIP = """#!{python}
import importlib.metadata, os, pathlib, re, shutil, sys, zipfile
(wheel,) = [word for word in sys.argv if word.endswith(".whl")]
with zipfile.ZipFile(wheel) as archive:
    archive.extractall("{site}")
    (metadata,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
for name in re.findall("^Requires-Dist: ([a-z-]+)", metadata, re.M):
    importlib.metadata.version(name)
site, here = pathlib.Path("{site}"), pathlib.Path("{root}")
for path in site.rglob("*.py"):
    twin = here / path.relative_to(site)
    if twin.read_bytes() == path.read_bytes():
        os.utime(path, ns=(twin.stat().st_atime_ns, twin.stat().st_mtime_ns))
for path in here.glob("pixelart/**/__pycache__/*.nb?"):
    copy = site / path.relative_to(here)
    copy.parent.mkdir(exist_ok=True)
    shutil.copy2(path, copy)
"""
"""Besides, unpacked files that are the same as here get the machine code that numba has made of those here."""


@dataclass
class Machine:
    """A job and the process that runs it."""

    id: str
    owner: str
    spec: Mapping[str, Any]
    place: Path
    process: subprocess.Popen[bytes]
    stage: str = "RUNNING"
    message: str | None = None

    @property
    def lines(self) -> list[str]:
        """Its log so far."""
        return (self.place / "log").read_text("utf-8", "replace").splitlines()

    @property
    def facts(self) -> dict[str, Any]:
        """What the Hub tells of it."""
        status = {"stage": self.stage, "message": self.message}
        owner = {"id": "0", "name": self.owner, "type": "user"}
        shown = {name: self.spec.get(name) for name in ("dockerImage", "command", "environment", "flavor", "labels")}
        return {"id": self.id, "createdAt": "2026-01-01T00:00:00.000Z", "status": status, "owner": owner, **shown}

    def end(self, stage: str, message: str | None = None) -> None:
        """End it in this stage."""
        self.stage, self.message = stage, message
        self.kill()

    def kill(self) -> None:
        """Take the machine away: all its processes are gone at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class JobsHub(HubServer):
    """A HubServer that runs jobs in folders below `place`. Stages: hardware, jobs, submit, inspect, cancel, log."""

    place: Path = Path()
    machines: list[Machine] = field(default_factory=list)
    hardware: list[dict[str, Any]] = field(default_factory=lambda: list(HARDWARE))
    runs: bool = True
    """Whether a machine runs its command; otherwise it sleeps until the test ends it."""
    without_gpu: bool = True
    """Machines here have no GPU, so the option that demands one is taken out of the command."""

    def routes(self) -> list[tuple[str, str, str]]:
        return [*_ROUTES, *super().routes()]

    def close(self) -> None:
        """End all machines."""
        for machine in self.machines:
            machine.kill()

    def _hardware(self, query: str, body: bytes, token: str) -> Answer:
        return _json(self.hardware)

    def _jobs(self, account: str, query: str, body: bytes, token: str) -> Answer:
        wanted = dict(value.split("=", 1) for name, value in parse_qsl(query) if name == "label")
        return self._of(account, token) or _json(
            [m.facts for m in self.machines if m.owner == account and wanted.items() <= m.spec["labels"].items()]
        )

    def _submit(self, account: str, query: str, body: bytes, token: str) -> Answer:
        spec = json.loads(body)
        if refused := self._of(account, token):
            return refused
        if spec["flavor"] not in [each["name"] for each in self.hardware]:
            return Answer(400)
        self.machines.append(self._started(account, spec, token))
        return _json(self.machines[-1].facts)

    def _inspect(self, account: str, job: str, query: str, body: bytes, token: str) -> Answer:
        found = self._machine(account, job)
        return self._of(account, token) or (_json(found.facts) if found else Answer(404))

    def _cancel(self, account: str, job: str, query: str, body: bytes, token: str) -> Answer:
        found = self._machine(account, job)
        if refused := self._of(account, token) or (None if found else Answer(404)):
            return refused
        assert found
        found.stage = "CANCELED"  # at once, while the process still has its time to save
        found.process.send_signal(signal.SIGTERM)
        return _json({})

    def _log(self, account: str, job: str, query: str, body: bytes, token: str) -> Answer:
        found = self._machine(account, job)
        if refused := self._of(account, token) or (None if found else Answer(404)):
            return refused
        assert found
        events = [
            {"timestamp": "2026-01-01T00:00:00.000Z", "data": line} for line in ["===== Job started", *found.lines]
        ]
        stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        return Answer(200, {"Content-Type": "text/event-stream"}, stream.encode())

    def _of(self, account: str, token: str) -> Answer | None:
        if token not in self.users:
            return Answer(401)
        return None if account in (self.users[token], *self.organisations.get(self.users[token], ())) else Answer(403)

    def _machine(self, account: str, job: str) -> Machine | None:
        return next((each for each in self.machines if (each.owner, each.id) == (account, job)), None)

    def _started(self, account: str, spec: Mapping[str, Any], token: str) -> Machine:
        place = self.place / f"machine-{len(self.machines)}"
        (volume,) = spec["volumes"]
        mounted, site, programs = place / "mounted", place / "site", place / "bin"
        for name, data in self.repos[f"datasets/{volume['source']}"].files.items():
            (mounted / name).parent.mkdir(parents=True, exist_ok=True)
            (mounted / name).write_bytes(data)
        assert self._visible(f"datasets/{volume['source']}", token)
        programs.mkdir()
        (programs / "pip").write_text(PIP.format(python=sys.executable, site=site, root=ROOT))
        (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        for path in programs.iterdir():
            path.chmod(0o755)
        command = [word.replace(volume["mountPath"], str(mounted)) for word in spec["command"]]
        if not self.runs:
            command = ["sleep", "1000"]
        if self.without_gpu:
            command = [word.replace(" --gpu ", " ") for word in command]
        environment = {
            "PATH": f"{programs}:{os.defpath}", "PYTHONPATH": str(site), "HOME": str(place), "HF_ENDPOINT": self.url,
            "HF_HUB_DISABLE_XET": "1", "OMP_NUM_THREADS": "1", **spec["environment"], **spec.get("secrets", {}),
            **{name: value for name, value in os.environ.items() if name in ("PIXELART_CACHE", "ONEDNN_MAX_CPU_ISA")},
        }  # fmt: skip
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=place, env=environment,
                start_new_session=True,
            )  # fmt: skip
        machine = Machine(f"{len(self.machines):024x}", account, spec, place, process)
        threading.Thread(target=self._watch, args=(machine,), daemon=True).start()
        return machine

    def _watch(self, machine: Machine) -> None:
        code = machine.process.wait()
        with self._lock:
            if machine.stage == "RUNNING":
                machine.stage = "COMPLETED" if code == 0 else "ERROR"
        shutil.rmtree(machine.place / "site", ignore_errors=True)


_JOB = r"/api/jobs/([^/]+)/([^/]+)"
_ROUTES = [
    ("GET", r"/api/jobs/hardware", "hardware"),
    ("GET", r"/api/jobs/([^/]+)", "jobs"),
    ("POST", r"/api/jobs/([^/]+)", "submit"),
    ("GET", _JOB, "inspect"),
    ("POST", rf"{_JOB}/cancel", "cancel"),
    ("GET", rf"{_JOB}/logs", "log"),
]
