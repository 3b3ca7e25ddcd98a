"""Share the pictures of a batch among threads, for compiled code that holds no lock of Python."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

_POOL = ThreadPoolExecutor(thread_name_prefix="pictures")


def share_pictures(run: Callable[[int, int], object], pictures: int) -> None:
    """Call run(low, high) for ranges that make up 0..pictures, in as many threads as torch uses.

    `run` must hold all memory whose addresses it uses: a thread may still compute when an exception, such as that of
    Ctrl+C, has ended this call.
    """
    threads = max(1, min(pictures, torch.get_num_threads()))
    bounds = [pictures * i // threads for i in range(threads + 1)]
    if threads == 1:
        run(0, pictures)
    else:
        list(_POOL.map(run, bounds[:-1], bounds[1:]))
