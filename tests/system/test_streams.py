"""Programs without standard streams, whose reader has left, that are interrupted, or cannot open their page."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from pixelart.system.address import address_refusal, keep_to_port
from tests.tiers import a_long

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "pixelart")
QUIET = {"CI": "1"}  # no browser is opened


def run(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A line of a shell, in which "$0" is `python`."""
    environment = {**os.environ, **QUIET, **variables}
    words = ["bash", "-c", command, sys.executable]
    return subprocess.run(words, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=200)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["--help", pytest.param("models --json", marks=pytest.mark.slow)])
def test_a_reader_that_leaves_is_no_fault(command: str) -> None:
    done = run(f'"$0" -m pixelart {command} | true; echo "${{PIPESTATUS[0]}}"')
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.slow
def test_a_command_needs_no_streams() -> None:
    assert run('"$0" -m pixelart models <&- >&- 2>&-').returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_answer_that_the_disk_does_not_take_is_told() -> None:
    done = run('"$0" -m pixelart models > /dev/full')
    assert (done.returncode, done.stderr) == (2, "pixelart models: No space left on device\n")
    assert run('"$0" -m pixelart models > /dev/full 2> /dev/full').returncode == 2


DESCRIPTORS = """
import os, sys
sys.path.insert(0, sys.argv[1])
for number in (0, 1, 2):
    try:
        os.close(number)
    except OSError:
        pass
sys.stdin = sys.stdout = sys.stderr = None
from pixelart.system.streams import secure_streams
secure_streams()
print("nobody"); print("reads this", file=sys.stderr)
assert sys.stdin.read() == ""
file = open(sys.argv[2], "w")
assert file.fileno() > 2
os.write(1, b"nor this")
file.close()
os._exit(7 if os.path.getsize(sys.argv[2]) == 0 else 8)
"""


def test_what_is_printed_goes_into_no_file(tmp_path: Path) -> None:
    words = [sys.executable, "-c", DESCRIPTORS, str(ROOT), str(tmp_path / "file")]
    assert subprocess.run(words, cwd=tmp_path).returncode == 7


def interrupted_after(seconds: float, *command: str) -> tuple[int, str]:
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **QUIET}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=100)
    return process.returncode, errors


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [2.0, *map(a_long, (0.4, 1.0, 1.5, 3.0, 5.0))])
def test_ctrl_c_at_any_moment_ends_without_a_traceback(seconds: float) -> None:
    for command in ((*COMMAND, "evaluate", *EVALUATE), (sys.executable, "app.py")):
        code, errors = interrupted_after(seconds, *command)
        if code == -signal.SIGINT:  # on a busy machine Python itself was still starting
            assert str(ROOT / "pixelart") not in errors and str(ROOT / "app.py") not in errors
        else:
            assert (code, errors) == (130, "")


EVALUATE = ("--checkpoint", "dungeon-gated", "--data", "examples/dungeon.zip", "--include-training")
INTERRUPTED_IN_A_DESTRUCTOR = """
import signal, sys, time
from pixelart.shutdown import interruptible, leave_on_interrupt
leave_on_interrupt()
class Told:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
with interruptible():
    told = Told()
    del told
    time.sleep(60)
"""


def test_an_interrupt_that_python_would_lose_is_obeyed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IN_A_DESTRUCTOR], cwd=ROOT, capture_output=True, timeout=50
    )
    assert (done.returncode, done.stderr) == (130, b"")


INTERRUPTED_TWICE = """
import signal, sys
from pixelart.shutdown import interruptible, leave_on_interrupt
leave_on_interrupt()
with interruptible():
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.raise_signal(signal.SIGINT)
"""


def test_a_second_ctrl_c_ends_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_TWICE], cwd=ROOT, capture_output=True, timeout=50)
    assert (done.returncode, done.stderr) == (130, b"")


# --- the page cannot be opened --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"GRADIO_SERVER_PORT": "80000"}, "GRADIO_SERVER_PORT '80000': must be a whole number from 1 to 65535"),
        ({"GRADIO_SERVER_PORT": "abc"}, "GRADIO_SERVER_PORT 'abc': must be a whole number from 1 to 65535"),
        ({"GRADIO_SERVER_PORT": "-1"}, "GRADIO_SERVER_PORT '-1': must be a whole number from 1 to 65535"),
        ({"GRADIO_NUM_PORTS": ""}, "GRADIO_NUM_PORTS '': must be a whole number from 1 to 65535"),
        ({"GRADIO_SERVER_PORT": "7861"}, ""),
        ({}, ""),
    ],
)
def test_an_address_without_sense_is_named(variables: Mapping[str, str], line: str) -> None:
    assert address_refusal(variables) == line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {"GRADIO_SERVER_PORT": "80000"},
            "app.py: GRADIO_SERVER_PORT '80000': must be a whole number from 1 to 65535\n",
        ),
        ({"GRADIO_SERVER_NAME": "192.0.2.1"}, "app.py: GRADIO_SERVER_NAME '192.0.2.1': not an address of this machine"),
        ({"GRADIO_TEMP_DIR": "/dev/null/x"}, "app.py: /dev/null/x: Not a directory\n"),
    ],
)
def test_an_app_that_cannot_start_says_so_in_one_line(variables: Mapping[str, str], line: str) -> None:
    done = run('"$0" app.py', **variables)
    assert done.returncode == 2 and done.stderr.startswith(line) and done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_port_that_is_named_is_the_only_one_unless_more_are_asked_for() -> None:
    for given, ports in (({}, None), ({"GRADIO_SERVER_PORT": "7861"}, "1")):
        variables = dict(given)
        keep_to_port(variables)
        assert variables.get("GRADIO_NUM_PORTS") == ports
    variables = {"GRADIO_SERVER_PORT": "7861", "GRADIO_NUM_PORTS": "5"}
    keep_to_port(variables)
    assert variables["GRADIO_NUM_PORTS"] == "5"


@pytest.mark.slow
def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = run('"$0" app.py', GRADIO_SERVER_PORT=port)
    line = f"app.py: port {port} is taken or not allowed; GRADIO_SERVER_PORT names another\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables",
    [
        {"ALL_PROXY": "socks5://127.0.0.1:1080"},
        a_long({"all_proxy": "socks://127.0.0.1:1"}),
        a_long({"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}),
    ],
)
def test_the_page_opens_whatever_the_proxies_are(variables: Mapping[str, str]) -> None:
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {**QUIET, **variables, "GRADIO_SERVER_PORT": str(_free_port())}
    words = [sys.executable, "-u", "app.py"]
    app = subprocess.Popen(
        words, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert app.stdout
        lines = iter(app.stdout.readline, "")
        url = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{url}/config", timeout=60) as page:
            assert page.status == 200
        app.terminate()
        assert app.wait(60) == 0 and "Traceback" not in app.stdout.read()
    finally:
        app.kill()
        app.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", a_long("> >(true)")], ids=["no streams", "a reader that leaves"])
def test_the_app_needs_no_streams_and_no_reader(streams: str) -> None:
    port = _free_port()
    environment = {**os.environ, **QUIET, "GRADIO_SERVER_PORT": str(port)}
    words = ["bash", "-c", f'exec "$0" app.py {streams}', sys.executable]
    app = subprocess.Popen(words, cwd=ROOT, env=environment, text=True, stderr=subprocess.PIPE)
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        until = time.monotonic() + 100
        while True:
            try:
                with opener.open(f"http://127.0.0.1:{port}/config", timeout=60) as page:
                    assert page.status == 200
                break
            except OSError:
                assert app.poll() is None and time.monotonic() < until
                time.sleep(0.2)
        app.terminate()
        assert app.wait(60) == 0 and app.stderr and "Traceback" not in app.stderr.read()
    finally:
        app.kill()
        app.communicate()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
