"""Memory of the app under attack: unread answers, a .zip that unpacks to gigabytes, a checkpoint with huge pictures.

    python -m benchmarks.limits

Starts the app in its own process, sends it HTTP requests, and prints a table: the attack, the app's message, and the
peak memory of the app or of the training process. The exit code is 1 if the app used more than MOST MiB. Linux only.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
import re
import sys
import tempfile
import time
import urllib.error
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.load import app_process
from benchmarks.page_client import PICTURES, TRAINING, Client
from pixelart.checkpoint.format import CONFIG_FILE, SEEN_FILE, WEIGHTS_FILE, config_of
from pixelart.checkpoint.weights import pack_weights
from pixelart.images.codec import Indexed
from pixelart.models import create_model
from pixelart.models.footprint import bytes_of_drawing
from pixelart.settings import SETTINGS

MOST = 1536
"""Largest accepted peak memory of the app's process, in MiB."""
SMALL, HUGE, LARGE = "small", "huge", "large"
COLOURS = np.stack([np.arange(1, 16) * 17] * 3, axis=1).astype(np.uint8)


def write_checkpoint(folder: Path, name: str, side: int) -> int:
    """Write a network with random weights for pictures of `side` x `side`; returns the estimated bytes per picture."""
    values = {"channels": 1, "levels": len(COLOURS) + 1, "height": side, "width": side, "num_classes": 1}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("gated_pixelcnn", preset="debug", **values)
    config = config_of(model, "gated_pixelcnn", Indexed(COLOURS), ("any",))
    place = folder / name
    place.mkdir(parents=True)
    files = {CONFIG_FILE: config.to_json(), WEIGHTS_FILE: pack_weights(model), SEEN_FILE: b""}
    for file, data in files.items():
        (place / file).write_bytes(data)
    return bytes_of_drawing(model.eval(), side, side)


def largest_side() -> int:
    """The largest picture side that such a network may draw on this machine."""
    with tempfile.TemporaryDirectory() as place:
        one = write_checkpoint(Path(place), LARGE, 256)
    return min(SETTINGS.max_side, int(256 * (SETTINGS.max_drawing_bytes / one) ** 0.5) // 16 * 16)


def flat_pictures(count: int, side: int) -> bytes:
    """A .zip of `count` pictures of one colour each."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(count):
            colour = (number % 256, number // 256, 0, 255)
            file.writestr(f"flat/{number:04}.png", _png(side, colour))
    return archive.getvalue()


def unread(url: str, *, calls: int, side: int) -> str:
    """Send `calls` canvases without reading the answers, a quarter of them in one session."""
    sent = {"name": "a.png", "data": base64.b64encode(_png(side, (9, 9, 9, 255))).decode()}
    one, counts = Client(url), dict[str, int]()
    for number in range(calls):
        client = one if number % 4 == 0 else Client(url)
        try:
            client.join("import_picture", [None, number, SMALL, False, None, 0], sent)
            answer = "accepted"
        except urllib.error.HTTPError as error:
            with error:
                answer = f"{error.code}"
        counts[answer] = counts.get(answer, 0) + 1
        time.sleep(0.05)
    Client(url).draw("page_generate", SMALL, None)
    return ", ".join(f"{count} {answer}" for answer, count in sorted(counts.items())) + "; another page draws"


def set_of_pictures(
    url: str, data: bytes, *, minutes: float, patience: float, training: Callable[[], int]
) -> tuple[str, int]:
    """The page's messages about such a set and a training on it, and the peak MiB of the training.

    The training is stopped after `minutes` + `patience` minutes.
    """
    client = Client(url)
    client.at_once("load", [None, None])
    sent = {"name": "flat.zip", "data": base64.b64encode(data).decode()}
    memory = client.at_once("on_load", [None])[0]
    message = plain(client.event("receive_archive", [None, *PICTURES, HUGE, ""], sent)[0])
    try:
        started = client.at_once("start_training", [memory, None, *PICTURES, HUGE, "flat", minutes, *TRAINING])
    except urllib.error.HTTPError as error:
        with error:
            return f"{message}; {plain(error.read().decode())}", 0
    memory, job = started[0], started[1]["value"]
    end, most = time.monotonic() + 60 * (minutes + patience), 0
    while time.monotonic() < end:
        most = max(most, training())
        status = plain(client.at_once("look_at", [memory, job])[2])
        if any(word in status.lower() for word in ("done", "failed", "finished", "memory", "stopped")):
            return f"{message}; training: {status}", most
        time.sleep(1)
    client.at_once("stop_training", [memory, job])
    return f"{message}; training: stopped after {minutes + patience:g} minutes", most


def drawing(url: str) -> str:
    """The message about the huge network, and how soon the largest allowed drawing ends after a stop."""
    client = Client(url)
    message = plain(client.event("page_generate", client.values("page_generate", ticket=1, model=HUGE))[1])
    client = Client(url)
    client.join("page_generate", client.values("page_generate", ticket=1, model=LARGE, images=4))
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(client.outputs)
        time.sleep(20)
        began = time.monotonic()
        client.at_once("stop", [None, 1])
        ended.result()
    return f"{message} The largest allowed drawing ends {time.monotonic() - began:.1f} s after a stop."


def peak(pid: int) -> int:
    """Peak memory of a process in MiB; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def peak_of_children(pid: int) -> int:
    """The largest `peak` of the children of a process."""
    found = [0]
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [peak(int(child)) for child in tasks.read_text().split()]
    return max(found)


def plain(text: Any) -> str:
    """A text of the page without HTML tags."""
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", str(text))).split())[:300]


def _png(side: int, colour: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA", (side, side), colour).save(buffer, "PNG")
    return buffer.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table. Returns 1 if the app used more than MOST MiB."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--calls", type=int, default=180, help="number of unread answers")
    parser.add_argument("--pictures", type=int, default=500, help="pictures in the .zip")
    parser.add_argument("--minutes", type=float, default=1.0, help="minutes of training on it, at least 1")
    parser.add_argument("--patience", type=float, default=10.0, help="further minutes before it is stopped")
    options = parser.parse_args(arguments)
    side, most = SETTINGS.max_side, [0]
    print("| what | the app says | most MiB |\n|---|---|---|", flush=True)

    def row(what: str, message: str, size: int) -> None:
        most.append(size)
        print(f"| {what} | {message} | {size} |", flush=True)

    with tempfile.TemporaryDirectory() as place:
        checkpoints = Path(place, "checkpoints")
        for name, size in ((SMALL, 32), (LARGE, largest_side()), (HUGE, side)):
            write_checkpoint(checkpoints, name, size)
        with app_process(checkpoints, Path(place, "jobs")) as (url, pid, _):
            Client(url).draw("page_generate", SMALL, None)
            row("after the start", "", peak(pid))
            row(f"{options.calls} unread answers", unread(url, calls=options.calls, side=side), peak(pid))
            row(f"{side} x {side} pictures drawn", drawing(url), peak(pid))
            data = flat_pictures(options.pictures, side)
            message, child = set_of_pictures(
                url, data, minutes=options.minutes, patience=options.patience, training=lambda: peak_of_children(pid)
            )
            row(f"a set of {options.pictures} pictures of {side} x {side}, {len(data) >> 10} KiB", message, peak(pid))
    print(f"| the training on it | its limit is {SETTINGS.max_job_bytes >> 20} MiB | {child} |")
    return 1 if max(most) > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
