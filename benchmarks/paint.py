"""How soon the canvas shows what the hand does, in a Chromium as slow as a phone.

    python -m benchmarks.paint

Prints JSON. `pencil`: milliseconds from the moment that the page gets a move of the pencil to the end of the frame that
shows it (the page's script, style, layout and paint), for a processor that is slowed down by --throttle; the target is a
95th percentile of at most 16. `actions`: the same for each tool and command at 256 x 256, not slowed down; the target is
16 for each. Other work on the machine counts too, so `load` says how much there was.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser

from benchmarks.machine import describe_machine
from docs.app_page import AppPage, open_app, open_browser
from pixelart.images.io import encode_png

FRAME = 16.0
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
COMMANDS = ("undo", "redo", "all", "flipX", "flipY", "right", "left", "deselect", "invert", "grow", "shrink",
            "maskColour", "clear", "grid", "tile", "mirror", "show", "in", "out", "fit")  # fmt: skip


def main() -> None:
    """Measures and prints JSON; exit code 1 if a target is missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--throttle", type=float, default=4, help="how many times slower than this machine")
    options.add_argument("--sides", type=int, nargs="+", default=[32, 256], help="of the pictures")
    options.add_argument("--no-actions", action="store_true", help="only the pencil")
    chosen = options.parse_args()
    with open_app() as url, open_browser() as browser:
        report: dict[str, Any] = {"machine": describe_machine(), "chromium": browser.version, "throttle": chosen.throttle}
        report["load"] = os.getloadavg()[0]
        report["pencil"] = [pencil(browser, url, side, chosen.throttle, masked=m) for side in chosen.sides for m in (0, 1)]
        if not chosen.no_actions:
            report["actions"] = actions(browser, url, max(chosen.sides))
    slow = {name: ms for name, ms in report.get("actions", {}).items() if ms > FRAME}
    report["slow"] = slow | {f"pencil {p['side']}": p["p95"] for p in report["pencil"] if p["p95"] > FRAME}
    print(json.dumps(report, indent=1))
    raise SystemExit(bool(report["slow"]))


def open_noise(browser: Browser, url: str, side: int) -> AppPage:
    """A page whose picture is `side` pixels of noise in eight colours."""
    page = AppPage(browser, url)
    colours = np.random.default_rng(0).integers(0, 8, (side, side))
    picture = np.stack([colours % 2 * 255, colours // 2 % 2 * 255, colours // 4 * 255, np.full_like(colours, 255)], -1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "noise.png")
        path.write_bytes(encode_png(picture.astype(np.uint8)))
        page.open_file(path)
    page.page.wait_for_function(f"document.querySelector('#canvas .picture').width === {side}")
    return page


def pencil(browser: Browser, url: str, side: int, throttle: float, *, masked: int) -> dict[str, Any]:
    """One long stroke; `masked`: above a mask of scattered pixels."""
    page = open_noise(browser, url, side)
    if masked:
        page.command("maskColour")
    page.click("#canvas [data-tool=pencil]")
    page.page.context.new_cdp_session(page.page).send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    page.page.evaluate(LISTEN)
    turns = np.linspace(0, 10 * np.pi, MOVES)
    reach = np.linspace(0.05, 0.45, MOVES) * side
    cells = [(int(side / 2 + r * np.cos(t)), int(side / 2 + r * np.sin(t))) for t, r in zip(turns, reach, strict=True)]
    places = page.places(cells)
    page.page.mouse.move(*places[0])
    page.page.mouse.down()
    page.page.evaluate("paints.length = 0")
    for place in places[1:]:
        page.page.mouse.move(*place)
    page.page.mouse.up()
    paints = page.page.evaluate("new Promise((done) => setTimeout(() => done(paints), 500))")
    page.close()
    p50, p95 = np.percentile(paints, (50, 95)).round(1).tolist()
    return {"side": side, "masked": bool(masked), "moves": len(paints), "p50": p50, "p95": p95}


def actions(browser: Browser, url: str, side: int) -> dict[str, float]:
    """The median milliseconds of each tool and command."""
    page = open_noise(browser, url, side)
    near, far = page.places([(4, 4), (side - 6, side - 9)])
    found = dict[str, float]()
    for kind, names in (("tool", TOOLS), ("command", COMMANDS)):
        for name in names:
            if kind == "tool":
                page.page.click(f"#canvas [data-tool={name}]")
            times = [page.page.evaluate(ACT, [kind, name, near, far]) for _ in range(REPEATS)]
            found[name] = round(float(np.median(times)), 1)
    page.close()
    return found


if __name__ == "__main__":
    main()
