"""The engine behind every front end: generate, complete, enlarge, score, inspect. No gradio, no argparse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelart.checkpoint.folder import default_checkpoints
from pixelart.checkpoint.info import CheckpointInfo
from pixelart.checkpoint.library import Checkpoint, Library
from pixelart.checkpoint.presets import DEFAULT_PRESET
from pixelart.devices import pick_device
from pixelart.engine.completion import Candidate, added_pixels, enlarge_picture
from pixelart.engine.drawing import Drawer, Recolouring, drawn_in, likeliest_first, log_likelihood
from pixelart.engine.inspection import Inspection, PixelColours, colours_at, inspect_picture
from pixelart.engine.own_colours import own_colours
from pixelart.engine.previews import OnRow, PreviewFrame
from pixelart.engine.request import Drawing, Request, RequestLike, as_request
from pixelart.errors import RequestRejected
from pixelart.images.codec import Codec, Picture
from pixelart.images.coercion import MaskLike, PictureLike, as_blend, as_facts, as_mask, as_picture
from pixelart.images.palette_choice import OF_MODEL, OF_PICTURE, CodecOf, codec_of, palette_fitting
from pixelart.images.tiling import seam_repairs, shift_to_join
from pixelart.settings import SETTINGS

ClassBlend = Mapping[str, float] | str | None
"""Class weights by name, or one class name; None or empty = any class."""
FACTORS = (2, 4)
MOST_ENLARGED = 2
"""An enlarged picture is at most this many times as large as the checkpoint's size, per side."""
RemoteBackend = Callable[["Call", CheckpointInfo, OnRow | None, Callable[[], bool] | None], list[Drawing] | None]
"""backend(call, info, on_row, cancel): draws in another process, or returns None if it cannot. Its previews show only
the first picture."""


class Engine:
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
        elsewhere: RemoteBackend | None = None,
        drawing_bytes: int = SETTINGS.max_drawing_bytes,
    ) -> None:
        """Args:
        folder: where checkpoints are; None = `default_checkpoints`.
        on_drawing: called with True when drawing starts and with False when the last drawing ends, in this order.
        It
            must be quick and must not call the engine.
        by_owner: see `Library`.
        elsewhere: tried first for every drawing; if it returns None, this process draws.
        drawing_bytes: limit on the memory, besides the weights, of pictures drawn or inspected at once on a CPU.
        """
        self.device = device or pick_device()
        self.library = Library(
            folder or default_checkpoints(), device=self.device, memory_bytes=memory_bytes, by_owner=by_owner
        )
        self._drawer, self._elsewhere = Drawer(self.library, on_drawing, memory=drawing_bytes), elsewhere

    @property
    def device_name(self) -> str:
        """ "CUDA", "MPS" or "CPU"; "ZeroGPU" if a remote backend draws."""
        return "ZeroGPU" if self._elsewhere else self.device.type.upper()

    @property
    def is_drawing(self) -> bool:
        """Whether any thread is drawing a picture now. Background work should pause meanwhile."""
        return self._drawer.is_drawing

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

    def request(self, checkpoint: str, *, preset: str = DEFAULT_PRESET, **values: Any) -> Request:
        """A request with the temperature, top_p, top_k and guidance of one of the checkpoint's presets.

        `values` are fields of `Request` and override the preset unless None. Without a class, the preset's guidance is
        left out: it would double the time and change nothing.

        Raises:
            RequestRejected: no such checkpoint, or it has no such preset.
            WeightsRejected: its config is damaged.
        """
        said = {name: value for name, value in values.items() if value is not None}
        usual = self.info(checkpoint).preset(preset).values()
        if not said.get("class_weights"):
            del usual["guidance"]
        return Request(checkpoint, **{**usual, **said})

    def warm_up(self, checkpoint: str) -> None:
        """Load the checkpoint and draw one pixel, so that the first request waits neither for the weights nor for
        kernels to compile (some 15 seconds, once per machine).

        Raises:
            RequestRejected: no such checkpoint.
            WeightsRejected: it is damaged.
        """
        info = self.library.load(checkpoint).info
        mask = np.zeros((info.height, info.width), np.bool_)
        mask[0, 0] = True
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
        self, request: RequestLike, *, on_row: OnRow | None = None, cancel: Callable[[], bool] | None = None
    ) -> list[Drawing]:
        """Draw `request.count` new pictures, in order of seed. If seamless, each picture's seam is then repaired.

        Raises:
            RequestRejected: a value of the request is outside its limits.
            Cancelled: `cancel` returned True.
        """
        request = _without_keep(as_request(request))
        info = self.library.load(request.checkpoint).info
        info.check_size(*(request.size or (info.height, info.width)), what="size")
        if (drawn := self._try_remote(Call("generate", request), info, on_row, cancel)) is not None:
            return drawn
        blank = np.zeros((*(request.size or (info.height, info.width)), 4), np.uint8)
        everything = np.ones(blank.shape[:2], np.bool_)
        codec_of = self._codecs(request, blank, everything)
        drawings = self._drawer.complete(request, blank, everything, on_row, cancel, codec_of)
        if not request.seamless:
            return drawings
        mended = [self.mend_seam(_again(request, d), d.picture, cancel=cancel) for d in drawings]
        return [drawn_in(everything, drawing) for (drawing,) in mended]

    def complete(
        self,
        request: RequestLike,
        picture: PictureLike,
        mask: MaskLike,
        *,
        on_row: OnRow | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> list[Drawing]:
        """Candidates for the masked pixels (True = repaint), sorted by `likeliest_first`. Other pixels stay bit for
        bit.

        In a seamless request opposite edges meet: a mask that touches an edge is conditioned on the opposite edge. The
        palette and the ICC profile of a file or PIL image are kept.

        Raises:
            RequestRejected: an empty mask, a wrong size, or a value of the request outside its limits.
            ImageRejected: the file is not a picture within the limits.
            Cancelled: `cancel` returned True.
        """
        request = as_request(request)
        info = self.library.load(request.checkpoint).info
        facts, picture, mask = as_facts(picture), as_picture(picture), as_mask(mask)
        drawn = self._completed(info, request, picture, mask, on_row, cancel)
        return [replace(drawing, facts=facts) for drawing in drawn]

    def _completed(
        self,
        info: CheckpointInfo,
        request: Request,
        picture: Picture,
        mask: NDArray[np.bool_],
        on_row: OnRow | None,
        cancel: Callable[[], bool] | None,
    ) -> list[Drawing]:
        request.check()
        info.check_size(*picture.shape[:2])
        info.check_keep(request.keep)
        if mask.shape != picture.shape[:2]:
            found = " x ".join(map(str, mask.shape[::-1]))
            raise RequestRejected(f"mask is {found}; the picture is {picture.shape[1]} x {picture.shape[0]}")
        if not mask.any():
            raise RequestRejected("the mask is empty: mark the pixels to repaint")
        if (drawn := self._try_remote(Call("complete", request, (picture, mask)), info, on_row, cancel)) is not None:
            return drawn
        paint, codec_of = self._recolouring(request, picture, mask), self._codecs(request, picture, mask)
        if request.seamless:
            shift = shift_to_join(mask, request.seamless)
            drawings = self._drawer.draw_rolled(request, picture, mask, shift, paint.watching(on_row), cancel, codec_of)
        else:
            drawings = self._drawer.complete(request, picture, mask, paint.watching(on_row), cancel, codec_of)
        return likeliest_first(paint.of(drawings))

    def mend_seam(
        self, request: RequestLike, picture: PictureLike, *, cancel: Callable[[], bool] | None = None
    ) -> list[Drawing]:
        """Candidates that tile along `request.seamless`, sorted by `likeliest_first`: the pixels of `seam_band` are
        repainted, all others of the picture (H, W, 4) stay bit for bit.

        Raises:
            RequestRejected: a wrong size, no axis, or a value of the request outside its limits.
            Cancelled: `cancel` returned True.
        """
        request = as_request(request)
        info = self.library.load(request.checkpoint).info
        facts, picture = as_facts(picture), as_picture(picture)
        info.check_size(*picture.shape[:2])
        request.check()
        if not request.seamless:
            raise RequestRejected("seamless '': choose x, y or xy")
        first, *others = seam_repairs(picture.shape[0], picture.shape[1], request.seamless)
        paint, codec_of = self._recolouring(request, picture, first.mask), self._codecs(request, picture, first.mask)
        drawings = self._drawer.draw_rolled(request, picture, first.mask, first.shift, None, cancel, codec_of)
        for mask, shift in others:
            again = [(replace(request, count=1, seed=d.seed), d.picture) for d in drawings]
            drawings = [self._drawer.draw_rolled(one, p, mask, shift, None, cancel, codec_of)[0] for one, p in again]
        drawings = paint.of([drawn_in(first.mask, drawing) for drawing in drawings])
        return likeliest_first([replace(drawing, facts=facts) for drawing in drawings])

    def enlarge(
        self,
        request: RequestLike,
        picture: PictureLike,
        *,
        factor: int = 2,
        on_row: OnRow | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> list[Drawing]:
        """Enlarge `picture` (h, w, 4) to (factor * h, factor * w, 4), sorted by `likeliest_first`. `factor` is 2 or 4.

        `picture` becomes every `factor`-th row and column of the result, bit for bit. The log p is that of the other
        pixels given these. The result may be at most MOST_ENLARGED times the checkpoint's size. Colours condition
        through the nearest ones of the checkpoint. A temperature map has the size of the result.

        Raises:
            RequestRejected: a checkpoint that does not enlarge, a wrong size or factor, a seamless request, or a value
            of
                the request outside its limits.
            Cancelled: `cancel` returned True.
        """
        request = _without_keep(as_request(request))
        loaded = self.library.load(request.checkpoint)
        factor = int(factor) if isinstance(factor, np.integer) else factor
        facts, picture = as_facts(picture), as_picture(picture)
        self._check_enlargement(picture, factor, loaded.info)
        request.check()
        if request.seamless:
            raise RequestRejected(f"seamless {request.seamless!r}: an enlarged picture cannot be made to tile")
        call = Call("enlarge", request, (picture,), factor)
        if (drawn := self._try_remote(call, loaded.info, on_row, cancel)) is None:
            large = picture.repeat(factor, 0).repeat(factor, 1)
            mask = added_pixels(*large.shape[:2], factor=factor)
            paint, codec_of = self._recolouring(request, large, mask), self._codecs(request, large, mask)

            def draw(codec: Codec, class_weights: Tensor, /, **how: Any) -> list[Candidate]:
                return enlarge_picture(loaded.model, codec, picture, class_weights, factor=factor, **how)

            frame, watch = PreviewFrame(large, mask, large), paint.watching(on_row)
            drawn = self._drawer.draw(request, draw, frame, watch, cancel, codec_of, {"factor": factor})
            drawn = likeliest_first(paint.of(drawn))
        return [replace(drawing, facts=facts) for drawing in drawn]

    def log_likelihood(self, checkpoint: str, picture: PictureLike, *, class_weights: ClassBlend = None) -> float:
        """log p of a whole picture (H, W, 4) in nats given the class alone. Colours are snapped first, see `snap`.

        Raises:
            RequestRejected: a wrong size or an unknown class.
        """
        loaded, picture, _ = self._load_for(checkpoint, picture, class_weights)
        self._drawer.at_once(loaded, *picture.shape[:2])
        return log_likelihood(loaded, palette_fitting(loaded.codec, picture), picture, as_blend(class_weights))

    def inspect(self, checkpoint: str, picture: PictureLike, *, class_weights: ClassBlend = None) -> Inspection:
        """Bits of each pixel of a picture (H, W, 4) given the class alone, which sum to -log2 p, and p(class |
        picture).

        The class probabilities follow Bayes' rule with a uniform prior. Colours are snapped first, see `snap`.

        Raises:
            RequestRejected: a wrong size or an unknown class.
        """
        loaded, picture, weights = self._load_for(checkpoint, picture, class_weights)
        at_once = self._drawer.at_once(loaded, *picture.shape[:2])
        codec = palette_fitting(loaded.codec, picture)
        return inspect_picture(loaded.model, codec, picture, weights, classes=loaded.info.classes, at_once=at_once)

    def colours_at(
        self,
        checkpoint: str,
        picture: PictureLike,
        *,
        row: int,
        column: int,
        top: int = 5,
        class_weights: ClassBlend = None,
    ) -> PixelColours:
        """The `top` most probable colours of one pixel of a picture (H, W, 4), and the probability of its current
        colour.

        They are conditioned on the class and on all other pixels, before and after it. Colours are snapped first, see
        `snap`. If the palette is an input, candidates are the picture's own colours.

        Raises:
            RequestRejected: a wrong size, an unknown class, a pixel outside the picture, or `top` not 1 to 256.
        """
        loaded, picture, weights = self._load_for(checkpoint, picture, class_weights)
        at_once = self._drawer.at_once(loaded, *picture.shape[:2])
        codec = palette_fitting(loaded.codec, picture)
        return colours_at(loaded.model, codec, picture, weights, row=row, column=column, top=top, at_once=at_once)

    def _recolouring(self, request: Request, picture: Picture, mask: NDArray[np.bool_]) -> Recolouring:
        """The recolouring of `request.own_colours`, for what is drawn into `picture` (H, W, 4) where `mask` is True."""
        loaded = self.library.load(request.checkpoint)
        asked = request.own_colours and not loaded.info.takes_palettes
        return Recolouring(own_colours(loaded.codec, picture, mask) if asked else None, mask)

    def _codecs(self, request: Request, picture: Picture, mask: NDArray[np.bool_]) -> CodecOf:
        """The codecs that draw into `picture` (H, W, 4) where `mask` (H, W) is True, by seed."""
        loaded = self.library.load(request.checkpoint)
        weights = loaded.class_weights(request.class_weights).tolist()
        asked = dict(zip(loaded.config.classes, weights, strict=True)) if any(weights) else {}
        palette = OF_MODEL if request.allowed is not None and not request.palette else request.palette
        how = {"picture": picture, "mask": mask, "palettes": loaded.palettes, "class_weights": asked}
        codecs = codec_of(loaded.codec, palette, **how, name=loaded.info.name)
        if loaded.info.takes_palettes and request.allowed is not None:
            if palette == OF_PICTURE:
                raise RequestRejected("allowed: colour numbers need a named palette, or the model's own")
            count = len(codecs(range(request.seed, request.seed + 1)).to_config()["colours"])
            if max(request.allowed, default=0) > count:
                raise RequestRejected(f"allowed {max(request.allowed)}: the palette has {count} colours")
        return codecs

    def _try_remote(
        self, call: Call, info: CheckpointInfo, on_row: OnRow | None, cancel: Callable[[], bool] | None
    ) -> list[Drawing] | None:
        """Draw with the remote backend; None = draw here. The request is checked first, so no GPU time goes to bad
        ones."""
        if self._elsewhere is None:
            return None
        call.request.check()
        return self._elsewhere(call, info, on_row, cancel)

    def _load_for(
        self, checkpoint: str, given: PictureLike, class_weights: ClassBlend
    ) -> tuple[Checkpoint, Picture, Tensor]:
        loaded, picture = self.library.load(checkpoint), as_picture(given)
        loaded.info.check_size(*picture.shape[:2])
        return loaded, picture, loaded.class_weights(class_weights)

    def _check_enlargement(self, picture: Picture, factor: Any, info: CheckpointInfo) -> None:
        if not info.enlarges:
            able = ", ".join(other.name for other in self.library.list() if other.enlarges)
            raise RequestRejected(f"{info.name} does not enlarge: it is not multi-scale; these do: {able or 'none'}")
        if type(factor) is not int or factor not in FACTORS:
            raise RequestRejected(f"factor {factor!r:.40}: must be one of {', '.join(map(str, FACTORS))}")
        height, width = (factor * side for side in picture.shape[:2])
        most = MOST_ENLARGED * info.height, MOST_ENLARGED * info.width
        if height > most[0] or width > most[1]:
            raise RequestRejected(
                f"{factor} times {picture.shape[1]} x {picture.shape[0]} is {width} x {height}; "
                f"{info.name} enlarges to at most {most[1]} x {most[0]}"
            )


@dataclass(frozen=True)
class Call:
    """A call of one engine method in a form that can be sent to another process.

    generate: no `arguments`. complete: picture and mask. enlarge: the picture, and `factor`.
    """

    method: Literal["generate", "complete", "enlarge"]
    request: Request
    arguments: tuple[NDArray[Any], ...] = ()
    factor: int = 1

    def of(self, engine: Engine, on_row: OnRow | None, cancel: Callable[[], bool] | None) -> list[Drawing]:
        """Make the call on `engine`. Raises what the method raises."""
        watched: dict[str, Any] = {"on_row": on_row, "cancel": cancel}
        if self.method == "enlarge":
            watched["factor"] = self.factor
        return getattr(engine, self.method)(self.request, *self.arguments, **watched)


def _without_keep(request: Request) -> Request:
    """Return the request. Raises RequestRejected if it sets `keep`, which only completions support."""
    if request.keep:
        raise RequestRejected(f"keep {request.keep!r:.40}: only a completion can keep shape or sketch")
    return request


def _again(request: Request, drawing: Drawing) -> Request:
    """A request for one picture with the palette and the seed of a drawing."""
    palette = tuple(drawing.settings.get("colours", ())) or request.palette
    return replace(request, count=1, seed=drawing.seed, palette=palette)
