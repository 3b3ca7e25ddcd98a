"""Ask the app over HTTP without ever blocking Krita, and start it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, QUrl  # pyright: ignore[reportMissingImports]
from PyQt5.QtNetwork import (  # pyright: ignore[reportMissingImports]
    QNetworkAccessManager,
    QNetworkProxy,
    QNetworkReply,
    QNetworkRequest,
)

from .messages import Lines, is_last

ADDRESS = "http://127.0.0.1:7860"
INSTALLED = Path(__file__).with_name("app.json")
"""Written by `python -m pixelart install-plugin krita`: how this computer starts the app."""
CLOSED = "The app does not answer at {}. Start it, or change the address."
BROKEN = "The app has ended the connection."
TOO_LARGE, _TOO_LARGE_STATUS = "This is too much to send to the app; select a smaller part.", 413
START_SECONDS = 120
_OF_KRITA = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "QT_PLUGIN_PATH")
"""Variables that a bundled Krita sets for itself; they would break another Python."""
Answer = dict


def start_command() -> list[str]:
    """The command that starts the app; empty if it is not known."""
    try:
        command = json.loads(INSTALLED.read_text(encoding="utf-8"))["start"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [str(word) for word in command] if isinstance(command, list) else []


class Connection(QObject):
    """Asks one thing at a time. `on_answer` gets every answer; the last one of a request has a key of LAST."""

    def __init__(self, on_answer: Callable[[Answer], None]) -> None:
        super().__init__()
        self.address = ADDRESS
        self._on_answer = on_answer
        self._network = QNetworkAccessManager(self)
        self._network.setProxy(QNetworkProxy(QNetworkProxy.NoProxy))
        self._reply: Any = None
        self._lines = Lines()

    @property
    def is_asking(self) -> bool:
        """Whether an answer is still to come."""
        return self._reply is not None

    def ask(self, message: dict[str, Any]) -> None:
        """Post a message. A request before it is dropped."""
        self._drop()
        request = QNetworkRequest(QUrl(f"{self.address.rstrip('/')}/editor"))
        request.setHeader(QNetworkRequest.ContentTypeHeader, "application/json")
        self._lines = Lines()
        reply = self._reply = self._network.post(request, json.dumps(message).encode())
        reply.readyRead.connect(lambda: self._read(reply))
        reply.finished.connect(lambda: self._finish(reply))

    def cancel(self) -> None:
        """End the request; the app stops drawing."""
        if self._reply is not None:
            self._drop()
            self._on_answer({"cancelled": True})

    def _drop(self) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.abort()
            reply.deleteLater()

    def _read(self, reply: Any) -> None:
        if reply is not self._reply:
            return
        try:
            answers = self._lines.add(bytes(reply.readAll()))
        except ValueError:
            self._end({"error": f"What answers at {self.address} is not Pixel Art Studio."})
            return
        for answer in answers:
            if is_last(answer):
                self._end(answer)
                return
            self._on_answer(answer)

    def _finish(self, reply: Any) -> None:
        if reply is not self._reply:
            return
        status = reply.attribute(QNetworkRequest.HttpStatusCodeAttribute)
        refused = reply.error() == QNetworkReply.ConnectionRefusedError or status is None
        if status is not None and int(status) == _TOO_LARGE_STATUS:
            self._end({"error": TOO_LARGE})
        elif status is not None and int(status) != 200:
            self._end({"error": f"The app at {self.address} has no route for editors: it is older, or a server."})
        else:
            self._end({"error": CLOSED.format(self.address) if refused else BROKEN, "is_closed": refused})

    def _end(self, answer: Answer) -> None:
        self._drop()
        self._on_answer(answer)


class Starter(QObject):
    """Starts the app and asks it until it answers."""

    def __init__(self, ask: Callable[[], None]) -> None:
        super().__init__()
        self._ask, self._left = ask, 0
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self._again)

    @property
    def is_waiting(self) -> bool:
        """Whether the app was started and has not answered yet."""
        return self._left > 0

    def start(self) -> bool:
        """Whether the app could be started."""
        command = start_command()
        if not command:
            return False
        process, environment = QProcess(), QProcessEnvironment.systemEnvironment()
        for name in _OF_KRITA:
            environment.remove(name)
        process.setProcessEnvironment(environment)
        process.setProgram(command[0])
        process.setArguments(command[1:])
        process.setStandardOutputFile(QProcess.nullDevice())
        process.setStandardErrorFile(QProcess.nullDevice())
        started = process.startDetached()
        is_started = bool(started[0] if isinstance(started, tuple) else started)
        if is_started:
            self._left = START_SECONDS
            self._timer.start()
        return is_started

    def stop(self) -> None:
        """Ask no more."""
        self._left = 0
        self._timer.stop()

    def _again(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self.stop()
        self._ask()
