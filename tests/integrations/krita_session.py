"""Run the real Krita under Xvfb with the plug-in and the driver."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from pixelart.integrations.install import install

DRIVER = Path(__file__).with_name("krita_driver")
NEEDED = ("krita", "xvfb-run")
SECONDS = 580


def missing() -> str:
    """Why Krita cannot be run here, or ""."""
    absent = [name for name in NEEDED if shutil.which(name) is None]
    return f"needs {' and '.join(absent)}: apt-get install krita xvfb python3-pyqt5" if absent else ""


def run_krita(folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    """What the driver tells of a task. `folder`: for everything that Krita writes; it already has `picture.bin` and
    `selection.bin`. Raises RuntimeError if Krita ends without telling anything, or a step fails."""
    places = {f"XDG_{name}_HOME": folder / name.lower() for name in ("DATA", "CONFIG", "CACHE")}
    places |= {"XDG_RUNTIME_DIR": folder / "run", "HOME": folder}
    for place in places.values():
        place.mkdir(exist_ok=True, mode=0o700)
    plugins = places["XDG_DATA_HOME"] / "krita" / "pykrita"
    install("krita", plugins)
    _add_driver(plugins)
    switched = "\n".join(f"enable_{name}=true" for name in ("pixelart_studio", "krita_driver"))
    (places["XDG_CONFIG_HOME"] / "kritarc").write_text(f"[python]\n{switched}\n{task.get('kritarc', '')}")
    (folder / "task.json").write_text(json.dumps(task))
    environ = {**os.environ, **{name: str(place) for name, place in places.items()}, "PIXELART_DRIVER": str(folder)}
    environ = {name: value for name, value in environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    paths = environ["PATH"].split(os.pathsep)  # Krita's Python would take that of a virtual environment for its own
    environ["PATH"] = os.pathsep.join(path for path in paths if not path.startswith(sys.prefix))
    command = ["xvfb-run", "-a", "-s", "-screen 0 1360x860x24", "krita", "--nosplash"]
    _run(command, environ, folder / "log.txt")
    if not (folder / "told.json").exists():
        raise RuntimeError(f"Krita told nothing: {(folder / 'log.txt').read_text()[-2000:]}")
    told = json.loads((folder / "told.json").read_text())
    if told["error"]:
        raise RuntimeError(told["error"])
    return told


def _run(command: list[str], environ: dict[str, str], log: Path) -> None:
    """Run a command to its end, or for SECONDS; nothing that it started stays behind."""
    with log.open("w") as output, suppress(subprocess.TimeoutExpired):
        process = subprocess.Popen(
            command, env=environ, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            process.wait(SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _add_driver(plugins: Path) -> None:
    shutil.copytree(DRIVER, plugins / DRIVER.name)
    lines = ("[Desktop Entry]", "Type=Service", "ServiceTypes=Krita/PythonPlugin", f"X-KDE-Library={DRIVER.name}")
    (plugins / f"{DRIVER.name}.desktop").write_text("\n".join([*lines, "Name=Driver", "Comment=Driver", ""]))
