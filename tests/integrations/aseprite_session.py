"""Run the Aseprite extension by lua5.4 in the stand-in; its WebSocket is a connection to the running app."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from pixelart.ui.editor.messages import LAST
from pixelart.ui.editor.route import PATH
from tests.ui.editor.socket_client import SocketClient

HERE = Path(__file__).parent
LUA = "lua5.4"
SECONDS = 60


def missing() -> str:
    """Why Lua cannot be run here, or "". CI installs it, so there its absence is a failure."""
    if shutil.which(LUA) or os.environ.get("CI_REQUIRES_BROWSER"):
        return ""
    return f"needs {LUA}: apt-get install {LUA}"


def run_extension(url: str, extension: Path, task: dict[str, Any]) -> dict[str, Any]:
    """What the sprite holds after the task's buttons; also `sent`, the messages that the extension has sent.

    Raises RuntimeError if the script fails.
    """
    command = [LUA, str(HERE / "aseprite_session.lua"), str(HERE), str(extension)]
    sent, client = list[dict[str, Any]](), None
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin and process.stdout and process.stderr

        def tell(kind: str, text: str = "") -> None:
            assert process.stdin
            process.stdin.write(f"{kind} {text}\n")
            process.stdin.flush()

        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            kind, _, text = line.rstrip("\n").partition(" ")
            if kind == "CONNECT":
                client = SocketClient(url, PATH)
                tell("OPEN")
            elif kind == "TEXT" and client:
                sent.append(json.loads(text))
                client.send(text)
                if task.get("cancels") and sent[-1]["action"] not in ("models", "cancel"):
                    continue  # the next message ends this one
                answer: dict[str, Any] = {}
                while not any(key in answer for key in LAST):
                    answer = client.receive()
                    tell("TEXT", json.dumps(answer))
            elif kind == "RESULT":
                return {**json.loads(text), "sent": sent}
        raise RuntimeError(process.stderr.read())
