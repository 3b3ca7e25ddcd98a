"""How soon the canvas shows what the hand does, in a Chromium as slow as a phone.

    python -m benchmarks.paint

Prints JSON. `pencil`: from the moment that the page gets a move of the pencil to the end of the frame that shows it
(script, style, layout and paint), for a processor that is slowed down by --throttle; the target is a 95th
percentile of at most 16 ms. `wall` is what the clock says, so other work on the machine counts (`load` says how much
there was); `cpu` is the processor time of the page's main thread for each frame, measured without slowing down and
multiplied: other work and the slowing down itself, which is in bursts, do not count. `actions`: wall
milliseconds of each tool and command at 256 x 256, not slowed down; the target is 16 for each.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser

from benchmarks.machine import describe_machine
from docs.app_page import AppPage, open_app, open_browser
from pixelart.images.io import encode_png
from pixelart.training.data.pictures import read_pictures

FRAME = 16.0
DATA = Path(__file__).parents[1] / "examples" / "dungeon.zip"
MOVES, REPEATS = 240, 5
LISTEN = """() => {
    window.paints = [];
    window.afterFrame = (then) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = then;
        channel.port2.postMessage(0);
    });
    addEventListener('pointermove', () => {
        const start = performance.now();
        afterFrame(() => paints.push(performance.now() - start));
    }, true);
}"""
ACT = """([kind, name, from, to]) => new Promise((done) => requestAnimationFrame(() => {
    const start = performance.now(), stage = document.querySelector('#canvas .stage');
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now() - start);
    if (kind === 'command') document.querySelector(`#canvas [data-do=${name}]`).click();
    else {
        const send = (type, [clientX, clientY]) => stage.dispatchEvent(new PointerEvent(type, {
            bubbles: true, cancelable: true, pointerId: 1, pointerType: 'mouse', clientX, clientY, movementX: 1,
        }));
        send('pointerdown', from);
        send('pointermove', to);
        send('pointerup', to);
    }
    channel.port2.postMessage(0);
}))"""
TOOLS = ("pencil", "eraser", "fill", "replace", "line", "rectangle", "ellipse", "select", "wand", "mask", "unmask",
         "temperature")  # fmt: skip
EDITS = ("all", "flipX", "flipY", "right", "left", "invert", "grow", "shrink", "maskColour", "clear")
VIEWS = ("undo", "redo", "deselect", "grid", "tile", "mirror", "show", "in", "out", "fit")


def main() -> None:
    """Measures and prints JSON; exit code 1 if a target is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--throttle", type=float, default=4, help="how many times slower than this machine")
    options.add_argument("--sides", type=int, nargs="+", default=[32, 256], help="of the pictures")
    options.add_argument("--no-actions", action="store_true", help="only the pencil")
    chosen = options.parse_args()
    with open_app() as url, open_browser() as browser:
        report: dict[str, Any] = {"machine": describe_machine(), "chromium": browser.version}
        report |= {"throttle": chosen.throttle, "load": os.getloadavg()[0], "pencil": []}
        for side, masked in itertools.product(chosen.sides, (False, True)):
            report["pencil"].append(pencil(browser, url, side, chosen.throttle, masked=masked))
            print(report["pencil"][-1], file=sys.stderr)
        if not chosen.no_actions:
            report["actions"] = actions(browser, url, max(chosen.sides))
    slow = {name: ms for name, ms in report.get("actions", {}).items() if ms > FRAME}
    report["slow"] = slow | {f"pencil {p['side']}": p["cpu"][1] for p in report["pencil"] if p["cpu"][1] > FRAME}
    print(json.dumps(report, indent=1))
    raise SystemExit(bool(report["slow"]))


def open_map(browser: Browser, url: str, side: int) -> AppPage:
    """A page whose picture is `side` pixels wide, put together from sprites."""
    page = AppPage(browser, url)
    sprites = [np.asarray(sprite) for sprite in read_pictures(DATA).pictures[:: 1024 // side]]
    across = side // len(sprites[0])
    rows = [np.concatenate(sprites[row * across : (row + 1) * across], 1) for row in range(across)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "map.png")
        path.write_bytes(encode_png(np.concatenate(rows)))
        page.open_file(path)
    page.page.wait_for_function(f"document.querySelector('#canvas .picture').width === {side}")
    return page


def pencil(browser: Browser, url: str, side: int, throttle: float, *, masked: bool) -> dict[str, Any]:
    """One long stroke; `masked`: over a mask of half the picture."""
    page = open_map(browser, url, side)
    if masked:
        page.click("#canvas [data-tool=mask]")
        page.stroke([(x, y) for y in range(0, side, side // 8) for x in (0, side // 2)])
    page.click("#canvas [data-tool=pencil]")
    turns = np.linspace(0, 10 * np.pi, MOVES)
    reach = np.linspace(0.05, 0.45, MOVES) * side
    cells = [(int(side / 2 + r * np.cos(t)), int(side / 2 + r * np.sin(t))) for t, r in zip(turns, reach, strict=True)]
    places = page.places(cells)

    def draw() -> None:
        page.page.mouse.move(*places[0])
        page.page.mouse.down()
        for place in places[1:]:
            page.page.mouse.move(*place)

    browser.start_tracing(page=page.page, categories=["toplevel", "cc", "-*"])
    draw()
    frames = frame_times(json.loads(browser.stop_tracing())["traceEvents"])
    page.page.mouse.up()
    page.page.context.new_cdp_session(page.page).send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    page.page.evaluate(LISTEN)
    draw()
    paints = page.page.evaluate("paints")
    page.close()
    wall = np.percentile(paints, (50, 95)).round(1).tolist()
    cpu = (np.percentile(frames, (50, 95)) * throttle).round(1).tolist()
    return {"side": side, "masked": masked, "frames": len(frames), "wall": wall, "cpu": cpu}


def frame_times(events: list[dict[str, Any]]) -> list[float]:
    """Milliseconds of processor time that the page's main thread takes for each frame, with the input before it."""
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    frames = [e for e in events if e["name"] == "ProxyMain::BeginMainFrame" and e["ph"] == "X"]
    return [e["tdur"] / 1000 for e in frames if names.get((e["pid"], e["tid"])) == "CrRendererMain" and "tdur" in e]


def actions(browser: Browser, url: str, side: int) -> dict[str, float]:
    """Milliseconds of each tool and command, the least of REPEATS. Undo makes each repeat do the same."""
    page = open_map(browser, url, side)
    near, far = page.places([(side // 8, side // 8), (side * 3 // 4, side * 2 // 3)])
    for _ in range(15):
        page.page.keyboard.press("]")

    def least(kind: str, name: str, *, undoes: bool) -> float:
        times = list[float]()
        for _ in range(REPEATS):
            times.append(page.page.evaluate(ACT, [kind, name, near, far]))
            if undoes:
                page.page.keyboard.press("Control+z")
        return round(min(times), 1)

    found = dict[str, float]()
    for name in TOOLS:
        page.page.click(f"#canvas [data-tool={name}]")
        found[name] = least("tool", name, undoes=True)
    page.page.click("#canvas [data-tool=mask]")
    page.stroke([(side // 4, side // 4), (side // 2, side // 2), (side // 2, side // 4)])
    found |= {name: least("command", name, undoes=True) for name in EDITS}
    found |= {name: least("command", name, undoes=False) for name in VIEWS}
    page.close()
    return found


if __name__ == "__main__":
    main()
