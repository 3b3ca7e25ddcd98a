"""Real processes that start in milliseconds: one that has imported everything forks each of them.

`python warm.py serve SOCKET CHECKPOINTS` is that one; `python warm.py SOCKET train ...` is a program like `python -m
pixelart train ...`: it hands its words and its standard input, output and errors over, waits, and ends as the fork
ended. There also
is `SERVER JOBS CHECKPOINTS PROGRAM...`, a server of jobs and nothing else; it prints its number when it is ready.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

MANY = 1 << 16
SERVER = "server"


def serve(path: str, checkpoints: str) -> None:
    """Until the process is ended. It draws from the checkpoint "tiny" first, so that what is compiled is compiled."""
    import torch

    import pixelart.cli.train
    import tests.jobs.survival
    from pixelart.cli.main import main
    from pixelart.engine import Engine, Request
    from tests.training.runs import choose_as_usual

    choose_as_usual()
    assert main and pixelart.cli.train and tests.jobs.survival  # imported before all forks
    torch.set_num_threads(1)
    Engine(Path(checkpoints), device=torch.device("cpu")).generate(Request("tiny"))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the keepers
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                _keep(connection)
            connection.close()


def _keep(connection: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    heard, rights, _, _ = connection.recvmsg(MANY, socket.CMSG_SPACE(12))
    streams = array.array("i", rights[0][2])
    child = os.fork()
    if child == 0:
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, 256)
        os._exit(_run(json.loads(heard)))
    for stream in streams:
        os.close(stream)
    connection.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
    os._exit(0)


def _run(words: list[str]) -> int:
    from pixelart.cli.main import main

    return _serve_jobs(*words[1:]) if words[0] == SERVER else main(words)


def _serve_jobs(folder: str, checkpoints: str, *program: str) -> int:
    from pixelart.jobs import Jobs
    from pixelart.jobs import process as child
    from tests.jobs.survival import ONE_THREAD

    child.LOWEST = 0
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    with Jobs(Path(folder), checkpoints=Path(checkpoints), program=program, settings=ONE_THREAD):
        print(os.getpid(), flush=True)
        told.wait()
    return 0


def call(path: str, words: list[str]) -> int:
    """The exit code of the fork, or its end by the same signal."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]).tobytes())
        connection.sendmsg([json.dumps(words).encode()], [rights])
        os.close(0)  # the fork is the only one that hears orders
        code = int(connection.recv(16))
    if code < 0:
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        sys.path.insert(0, str(Path(__file__).parent.parent.parent))
        serve(*sys.argv[2:])
    sys.exit(call(sys.argv[1], sys.argv[2:]))
