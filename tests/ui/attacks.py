"""What a hostile client sends: names of files that are not its own, and addresses that the server shall not ask."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

SCHEMES = ("http://{}/x.png", "HTTP://{}/x.png", "https://{}/x.png", "//{}/x.png", "ftp://{}/x.png")
HOSTS = ("127.0.0.1:{}", "localhost:{}", "[::ffff:127.0.0.1]:{}", "0.0.0.0:{}", "2130706433:{}", "a@127.0.0.1:{}")


def traversals(target: Path) -> list[str]:
    """Some hundred ways to write the path of one file."""
    path = str(target)
    inside = path.lstrip("/")
    ways = [
        path,
        inside,
        f"/{path}",
        f"//{inside}",
        f"///{inside}",
        f"file://{path}",
        f"{path}\0.png",
        f"{path}%00.png",
    ]
    ups = ("../", "..\\", "..;/", "....//", "%2e%2e/", "%2e%2e%2f", "..%2f", "..%5c", "%252e%252e%252f", "..%c0%af")
    ups += ("\u2025/", "\uff0e\uff0e/", "..\u2215", ".%2e/", "./../", "/..//", "..%00/", "%u002e%u002e/")
    for up in ups:
        ways += [up * depth + inside for depth in (1, 4, 12)]
        ways += ["/tmp/gradio/" + up * 12 + inside, "assets/" + up * 12 + inside]
    swapped = path.swapcase()
    ways += [
        swapped,
        path + "/",
        path + "/.",
        path + "?.png",
        path + "#.png",
        path + " ",
        "C:" + path.replace("/", "\\"),
    ]
    return list(dict.fromkeys([*ways, *(urllib.parse.quote(way, safe="") for way in ways)]))


def addresses(port: int) -> list[str]:
    """Fourteen forms of an address of this machine, or of one that only this machine should reach."""
    own = [scheme.format(f"127.0.0.1:{port}") for scheme in SCHEMES]
    own += [f"http://{host.format(port)}/x.png" for host in HOSTS[1:]]
    own.append(f"http://127.0.0.1:{port}/redirect?to=http://127.0.0.1:{port}/x.png")
    return [*own, "http://169.254.169.254/latest/meta-data/x.png", "file:///etc/passwd", "gopher://127.0.0.1/x.png"]


class Listener:
    """Counts the connections to a port of this machine."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.socket.accept()[0].close()
                self.connections += 1


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    """A listener on a free port."""
    listener = Listener()
    try:
        yield listener
    finally:
        listener.socket.close()


class RawClient:
    """Sends a request exactly as it is written; nothing is normalised on the way."""

    def __init__(self, url: str) -> None:
        self.address = urllib.parse.urlsplit(url).netloc

    def ask(
        self, method: str, path: str, *, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in small letters) and body."""
        with contextlib.closing(http.client.HTTPConnection(self.address, timeout=30)) as connection:
            connection.putrequest(method, _as_sent(path), skip_host=any(n.lower() == "host" for n, _ in headers))
            for name, value in headers:
                connection.putheader(name, value)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, found, b"" if method == "HEAD" else answer.read()


def _as_sent(path: str) -> str:
    """What http.client lets pass: blanks, control and further characters as their bytes."""
    return "".join(c if 33 <= ord(c) < 127 else urllib.parse.quote(c, safe="") for c in path)
