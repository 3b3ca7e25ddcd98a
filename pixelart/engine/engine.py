"""The engine behind every front end: generate, complete, enlarge, score, inspect. No gradio, no argparse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pixelart.checkpoint.folder import default_checkpoints
from pixelart.checkpoint.info import CheckpointInfo
from pixelart.checkpoint.library import Library
from pixelart.checkpoint.presets import DEFAULT_PRESET
from pixelart.devices import pick_device
from pixelart.engine.analyses import Analyses
from pixelart.engine.drawing import most_probable_first
from pixelart.engine.local import LocalBackend
from pixelart.engine.previews import OnRow
from pixelart.engine.redrawing import limits_for, without_defects
from pixelart.engine.remote import Call, RemoteBackend
from pixelart.engine.request import Drawing, Request, RequestLike, as_request
from pixelart.engine.variations import Variations
from pixelart.errors import RequestRejected
from pixelart.images.codec import Picture
from pixelart.images.coercion import MaskLike, PictureLike, as_facts, as_picture, mask_for
from pixelart.images.palette_choice import palette_fitting
from pixelart.progress import Cancel
from pixelart.settings import SETTINGS


class Engine(Variations, Analyses):
    """Finds checkpoints in a folder, loads them on first use, and draws. Thread-safe.

    At most `memory_bytes` of weights stay loaded; the least recently used are dropped first.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        *,
        device: torch.device | None = None,
        memory_bytes: int = 1 << 30,
        on_drawing: Callable[[bool], None] | None = None,
        by_owner: bool = False,
        remote: RemoteBackend | None = None,
        drawing_bytes: int = SETTINGS.max_drawing_bytes,
    ) -> None:
        """Args:
        folder: where checkpoints are; None = `default_checkpoints`.
        on_drawing: called with True when drawing starts and with False when the last drawing ends, in this order. It
            must be quick and must not call the engine.
        by_owner: see `Library`.
        remote: tried first for every drawing; if it returns None, this process draws.
        drawing_bytes: limit on the memory, besides the weights, of pictures drawn or inspected at once on a CPU.
        """
        self.device = device or pick_device()
        self.library = Library(
            folder or default_checkpoints(), device=self.device, memory_bytes=memory_bytes, by_owner=by_owner
        )
        self._local, self._remote = LocalBackend(self.library, on_drawing, memory=drawing_bytes), remote

    @property
    def device_name(self) -> str:
        """ "CUDA", "MPS" or "CPU"; "ZeroGPU" if a remote backend draws."""
        return "ZeroGPU" if self._remote else self.device.type.upper()

    @property
    def is_drawing(self) -> bool:
        """Whether any thread is drawing a picture now. Background work should pause meanwhile."""
        return self._local.is_drawing

    def list_checkpoints(self) -> list[CheckpointInfo]:
        """The valid checkpoints of the folder, in the order of `Library.list`. Damaged ones are logged and skipped."""
        return self.library.list()

    def own_checkpoints(self) -> list[CheckpointInfo]:
        """The checkpoints made here rather than pulled from the Hub; with owners, only those of the current owner."""
        return self.library.own()

    def info(self, checkpoint: str) -> CheckpointInfo:
        """What one checkpoint can draw.

        Raises:
            RequestRejected: no such checkpoint.
            WeightsRejected: its config is damaged.
        """
        return self.library.info(checkpoint)

    def revision(self, checkpoint: str) -> str | None:
        """The digest of the weights that drawings carry in their settings. Raises as `warm_up`."""
        return self.library.load(checkpoint).identity["revision"]

    def request(self, checkpoint: str, *, preset: str = DEFAULT_PRESET, **values: Any) -> Request:
        """A request with the temperature, top_p, top_k and guidance of one of the checkpoint's presets.

        `values` are fields of `Request` and override the preset unless None. Without a class, a look and a kind, the
        preset's guidance is left out: it would double the time and change nothing.

        Raises:
            RequestRejected: no such checkpoint, or it has no such preset.
            WeightsRejected: its config is damaged.
        """
        given = {name: value for name, value in values.items() if value is not None}
        of_preset = self.info(checkpoint).preset(preset).values()
        if not any(given.get(name) for name in ("class_weights", "look", "kind")):
            del of_preset["guidance"]
        return Request(checkpoint, **{**of_preset, **given})

    def warm_up(self, checkpoint: str) -> None:
        """Load the checkpoint and draw one pixel, so that the first request waits neither for the weights nor for
        kernels to compile (some 15 seconds, once per machine).

        Raises:
            RequestRejected: no such checkpoint.
            WeightsRejected: it is damaged.
        """
        info = self.library.load(checkpoint).info
        mask = np.arange(info.height * info.width).reshape(info.height, info.width) == 0
        self.complete(Request(checkpoint), np.zeros((*mask.shape, 4), np.uint8), mask)

    def snap(self, checkpoint: str, picture: PictureLike) -> tuple[Picture, int]:
        """The picture (H, W, 4) as the checkpoint sees it, and the number of pixels that changed.

        Colours snap to the nearest of the checkpoint; if the palette is an input, to the picture's own colours, reduced
        to as many as fit.

        Raises:
            RequestRejected: no such checkpoint, or not a picture.
        """
        loaded, picture = self.library.load(checkpoint), as_picture(picture)
        codec = palette_fitting(loaded.codec, picture)
        return codec.decode(codec.encode(picture[None]))[0], int(codec.snapped(picture[None]).sum())

    def generate(
        self, request: RequestLike, *, on_row: OnRow | None = None, cancel: Cancel | None = None
    ) -> list[Drawing]:
        """Draw `request.count` new pictures, in order of seed. If seamless, each picture's seam is then repaired. With
        `redraw`, pictures with a defect are replaced, and what still has one comes last, see `redrawing`.

        Raises:
            RequestRejected: a value of the request is outside its limits.
            Cancelled: `cancel` returned True.
        """
        request = as_request(request).without_keep()
        request.check()
        info = self.library.load(request.checkpoint).info
        height, width = request.size or info.usual_size(request.class_weights, request.look)
        info.check_size(height, width, what="size")
        request = replace(request, size=(height, width)).checked(height, width)
        return self._draw(Call("generate", request), info, on_row, cancel)

    def complete(
        self,
        request: RequestLike,
        picture: PictureLike,
        mask: MaskLike,
        *,
        on_row: OnRow | None = None,
        cancel: Cancel | None = None,
    ) -> list[Drawing]:
        """Candidates for the masked pixels (True = repaint), sorted by `most_probable_first`. Other pixels stay bit for
        bit. With `redraw`, candidates with a defect are replaced, see `redrawing`.

        In a seamless request opposite edges meet: a mask that touches an edge is conditioned on the opposite edge. The
        palette and the ICC profile of a file or PIL image are kept.

        Raises:
            RequestRejected: an empty mask, a wrong size, or a value of the request outside its limits.
            ImageRejected: the file is not a picture within the limits.
            Cancelled: `cancel` returned True.
        """
        request = as_request(request)
        info = self.library.load(request.checkpoint).info
        facts, picture = as_facts(picture), as_picture(picture)
        request = request.checked(*picture.shape[:2])
        is_one = info.window_of(*picture.shape[:2]) == picture.shape[:2]
        request = replace(request, window=None) if is_one or request.seamless else request
        info.check_keep(request.keep)
        drawn = self._draw(Call("complete", request, (picture, mask_for(picture, mask))), info, on_row, cancel)
        return [replace(drawing, facts=facts) for drawing in most_probable_first(drawn)]  # replacements move

    def mend_seam(self, request: RequestLike, picture: PictureLike, *, cancel: Cancel | None = None) -> list[Drawing]:
        """Candidates that tile along `request.seamless`, sorted by `most_probable_first`: the pixels of `seam_band` are
        repainted, all others of the picture (H, W, 4) stay bit for bit.

        Raises:
            RequestRejected: a wrong size, no axis, or a value of the request outside its limits.
            Cancelled: `cancel` returned True.
        """
        request = as_request(request)
        info = self.library.load(request.checkpoint).info
        facts, picture = as_facts(picture), as_picture(picture)
        info.check_size(*picture.shape[:2])
        request = request.without_keep().checked(*picture.shape[:2])
        if not request.seamless:
            raise RequestRejected("seamless '': choose x, y or xy")
        return [replace(drawing, facts=facts) for drawing in self._local.mend_seam(request, picture, cancel)]

    def enlarge(
        self,
        request: RequestLike,
        picture: PictureLike,
        *,
        factor: int = 2,
        on_row: OnRow | None = None,
        cancel: Cancel | None = None,
    ) -> list[Drawing]:
        """Enlarge `picture` (h, w, 4) to (factor * h, factor * w, 4), by `most_probable_first`. `factor` is 2 or 4.

        `picture` becomes every `factor`-th row and column of the result, bit for bit. The log p is that of the other
        pixels given these. The result may be at most MOST_ENLARGED times the checkpoint's size. Colours condition
        through the nearest ones of the checkpoint. A temperature map has the size of the result.

        Raises:
            RequestRejected: a checkpoint that does not enlarge, a wrong size or factor, a seamless request, or a value
                of the request outside its limits.
            Cancelled: `cancel` returned True.
        """
        request = as_request(request).without_keep()
        info = self.library.load(request.checkpoint).info
        factor = int(factor) if isinstance(factor, np.integer) else factor
        facts, picture = as_facts(picture), as_picture(picture)
        if not info.enlarges:
            able = ", ".join(other.name for other in self.library.list() if other.enlarges) or "none"
            raise RequestRejected(f"{info.name} does not enlarge: it is not multi-scale; these do: {able}")
        info.check_enlarged(*picture.shape[:2], factor=factor)
        request = request.checked(factor * picture.shape[0], factor * picture.shape[1])
        if request.seamless:
            raise RequestRejected(f"seamless {request.seamless!r}: an enlarged picture cannot be made to tile")
        drawn = self._draw(Call("enlarge", request, (picture,), factor), info, on_row, cancel)
        return [replace(drawing, facts=facts) for drawing in drawn]

    def _draw(self, call: Call, info: CheckpointInfo, on_row: OnRow | None, cancel: Cancel | None) -> list[Drawing]:
        """Draw with the remote backend, or here. The request is checked first, so no GPU time goes to bad ones."""
        call.request.check()

        def draw(request: Request, on_row: OnRow | None) -> list[Drawing]:
            some = replace(call, request=request)
            drawn = self._remote(some, info, on_row, cancel) if self._remote else None
            return self._local.draw(some, on_row, cancel) if drawn is None else drawn

        return without_defects(call.request, limits_for(call, info), draw, on_row)
