"""Counts what the app does, and writes it as Prometheus text.

These few lines are all of the text format that is needed, so prometheus_client is not: it would be one more package for
everyone, with a registry and collectors of its own.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pixelart.errors import Cancelled, PixelArtError

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper ends of the histogram's buckets in seconds; the last is the limit of a drawing."""
RESULTS = ("done", "stopped", "refused", "failed")
"""How a drawing ends: with pictures, by its visitor or the time limit, because of its input, by a fault."""


class CountedFault(Exception):
    """A fault of the program that is counted already: its cause ended a drawing."""


class Metrics:
    """Counters of one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._results, self._buckets = Counter[str](), Counter[float]()
        self._seconds = 0.0
        self._running = self._pictures = self._faults = 0

    @contextmanager
    def drawing(self) -> Iterator[list[int]]:
        """Count a drawing: append the number of its pictures to the list."""
        pictures, result, began = list[int](), "done", time.monotonic()
        with self._lock:
            self._running += 1
        try:
            yield pictures
        except Cancelled:
            result = "stopped"
            raise
        except PixelArtError:
            result = "refused"
            raise
        except BaseException:
            result = "failed"
            raise
        finally:
            self._end(result, time.monotonic() - began, sum(pictures))

    def _end(self, result: str, seconds: float, pictures: int) -> None:
        with self._lock:
            self._running -= 1
            self._results[result] += 1
            self._faults += result == "failed"
            self._seconds += seconds
            self._pictures += pictures
            self._buckets[next((bound for bound in BOUNDS if seconds <= bound), float("inf"))] += 1

    def count_fault(self) -> None:
        """Count an event of the page that failed by a fault of the program."""
        with self._lock:
            self._faults += 1

    def text(self, *, waiting: int) -> str:
        """All values in Prometheus' text format. `waiting`: events in the queue."""
        with self._lock:
            results = {f'{{result="{name}"}}': self._results[name] for name in RESULTS}
            parts = [
                _metric("queue_length", "gauge", "Events that wait in the queue.", {"": waiting}),
                _metric("drawings_running", "gauge", "Drawings in progress.", {"": self._running}),
                _metric("drawings_total", "counter", "Ended drawings, by result.", results),
                _metric("pictures_total", "counter", "Pictures drawn.", {"": self._pictures}),
                _metric("errors_total", "counter", "Drawings and events that a fault ended.", {"": self._faults}),
                self._histogram(),
            ]
        return "".join(parts)

    def _histogram(self) -> str:
        values, total = dict[str, float](), 0
        for bound in (*BOUNDS, float("inf")):
            total += self._buckets[bound]
            values[f'_bucket{{le="{"+Inf" if bound == float("inf") else f"{bound:g}"}"}}'] = total
        values |= {"_sum": round(self._seconds, 6), "_count": total}
        return _metric("drawing_seconds", "histogram", "Seconds of ended drawings, without the queue.", values)


def _metric(name: str, kind: str, text: str, values: Mapping[str, float]) -> str:
    name = f"pixelart_{name}"
    head = f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    return head + "".join(f"{name}{suffix} {value}\n" for suffix, value in values.items())


METRICS = Metrics()
"""The counters of this process, which serves one app."""
