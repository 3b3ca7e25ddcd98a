"""What the package `spaces` does on ZeroGPU, without its GPUs: a decorated generator runs in a forked process, what
goes in and comes out is pickled, and of an exception only the name comes back."""

from __future__ import annotations

import inspect
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import gradio as gr

FORK = multiprocessing.get_context("fork")
calls: list[dict[str, Any]] = []
"""Of each call: seconds asked for, and what came of it."""
refusal: list[str] = []
"""Titles of the errors with which coming calls are refused, one each."""
deaths: list[bool] = []
"""Whether coming calls die midway, one each."""


def GPU(task: Any = None, *, duration: Any = None) -> Any:
    """The decorator."""
    if task is None:
        return lambda task: GPU(task, duration=duration)
    assert inspect.isgeneratorfunction(task)

    @wraps(task)
    def lent(*args: Any, **kwargs: Any) -> Iterator[Any]:
        asked = {"seconds": duration(*args, **kwargs) if callable(duration) else duration, "pid": os.getpid()}
        calls.append(asked)
        if refusal:
            raise gr.Error("No quota is left.", title=refusal.pop())
        arguments, answers = FORK.SimpleQueue(), FORK.SimpleQueue()
        stop = FORK.Event()
        dies = bool(deaths and deaths.pop())
        process = FORK.Process(target=_work, args=(task, arguments, answers, stop, dies), daemon=True)
        process.start()
        arguments.put((args, kwargs))
        watch = threading.Thread(target=lambda: (process.join(), answers.put(("died", None))), daemon=True)
        watch.start()
        kind = ""
        try:
            while True:
                kind, value = answers.get()
                if kind == "died":
                    raise gr.Error("GPU task aborted", title="ZeroGPU worker error")
                if kind == "error":
                    raise gr.Error(value, title="ZeroGPU worker error")
                if kind == "end":
                    return
                yield value
        except GeneratorExit:
            stop.set()
            raise
        finally:
            if not dies:
                while kind not in ("end", "error"):
                    kind, _ = answers.get()
            process.join()
            asked["ended"] = kind

    return lent


def _work(task: Callable[..., Iterator[Any]], arguments: Any, answers: Any, stop: Any, dies: bool) -> None:
    args, kwargs = arguments.get()
    work = task(*args, **kwargs)
    try:
        for value in work:
            if stop.is_set():
                work.close()  # pyright: ignore[reportAttributeAccessIssue]
                break
            answers.put(("value", value))
            if dies:
                os._exit(1)
    except Exception as error:
        answers.put(("error", type(error).__name__))
    else:
        answers.put(("end", None))
