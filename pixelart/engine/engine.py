"""What a user can do: generate, complete, enlarge, judge, inspect. No gradio, no argparse."""

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
from pixelart.checkpoint.library import Checkpoint, CheckpointInfo, Library
from pixelart.checkpoint.presets import DEFAULT_PRESET
from pixelart.devices import pick_device
from pixelart.engine.completion import Candidate, added_pixels, enlarge
from pixelart.engine.drawing import Drawer, Recolouring, drawn_in, likeliest_first, log_likelihood
from pixelart.engine.inspection import Inspection, PixelColours, colours_at, inspect
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
"""Weights of classes by name, or one class alone; none of them = any class."""
FACTORS = (2, 4)
MOST_ENLARGED = 2
"""How many times the size of a checkpoint an enlarged picture may have."""
RemoteBackend = Callable[["Call", CheckpointInfo, OnRow | None, Callable[[], bool] | None], list[Drawing] | None]
"""elsewhere(call, info, on_row, cancel): draws in place of this process, of which the previews show the first picture
alone, or answers None."""


class Engine:
    """Finds checkpoints in a folder, loads them when first used, draws. Safe under threads.

    At most `memory_bytes` of weights are kept; the least recently used are dropped first.
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
        """`folder`: of checkpoints; None = `default_checkpoints`. `on_drawing` is told True when drawing begins and
        False when nobody draws any more, in this order; it must be quick and call no method of the engine. `by_owner`:
        see `Library`. `elsewhere` is asked to draw first; what it does not draw is drawn here. `drawing_bytes`: of
        memory that the pictures drawn or inspected at once may take beside the weights, on a CPU."""
        self.device = device or pick_device()
        self.library = Library(
            folder or default_checkpoints(), device=self.device, memory_bytes=memory_bytes, by_owner=by_owner
        )
        self._drawer, self._elsewhere = Drawer(self.library, on_drawing, memory=drawing_bytes), elsewhere

    @property
    def device_name(self) -> str:
        """ "CUDA", "MPS" or "CPU"; "ZeroGPU" where drawings are made on one that is lent."""
        return "ZeroGPU" if self._elsewhere else self.device.type.upper()

    @property
    def is_drawing(self) -> bool:
        """Whether a picture is being drawn now, by any thread: what can wait then should."""
        return self._drawer.is_drawing

    def list_checkpoints(self) -> list[CheckpointInfo]:
        """The valid checkpoints of the folder, as `Library.list` orders them; damaged ones are logged and left out."""
        return self.library.list()

    def own_checkpoints(self) -> list[CheckpointInfo]:
        """Those of `list_checkpoints` that were made here and not pulled, by who asks where checkpoints have owners."""
        return self.library.own()

    def info(self, checkpoint: str) -> CheckpointInfo:
        """What one checkpoint can draw.

        Raises:
            RequestRejected: no such checkpoint.
            WeightsRejected: its config is damaged.
        """
        return self.library.info(checkpoint)

    def request(self, checkpoint: str, *, preset: str = DEFAULT_PRESET, **values: Any) -> Request:
        """A request with the temperature, top_p, top_k and guidance of a preset of the checkpoint; `values` are fields
        of `Request` and go before those of the preset, unless they are None. Where no class is asked for, guidance
        changes nothing but takes twice as long, so the preset's is left out.

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
        """Load the checkpoint and draw one pixel, so that nobody waits for weights, or for inner loops to be compiled
        (once on a machine: some 15 seconds).

        Raises:
            RequestRejected: no such checkpoint.
            WeightsRejected: damaged.
        """
        info = self.library.load(checkpoint).info
        mask = np.zeros((info.height, info.width), np.bool_)
        mask[0, 0] = True
        self.complete(Request(checkpoint), np.zeros((*mask.shape, 4), np.uint8), mask)

    def snap(self, checkpoint: str, picture: PictureLike) -> tuple[Picture, int]:
        """The picture (H, W, 4) as the checkpoint sees it, and how many pixels look different for it: in the nearest of
        its colours, or, where the palette is an input, in the picture's own, reduced to as many as fit.

        Raises:
            RequestRejected: no such checkpoint, or no picture.
        """
        loaded, picture = self.library.load(checkpoint), as_picture(picture)
        codec = palette_fitting(loaded.codec, picture)
        return codec.decode(codec.encode(picture[None]))[0], int(codec.snapped(picture[None]).sum())

    def generate(
        self, request: RequestLike, *, on_row: OnRow | None = None, cancel: Callable[[], bool] | None = None
    ) -> list[Drawing]:
        """`request.count` new pictures, in order of seed; of a seamless request each is drawn, and then its seam anew.

        Raises:
            RequestRejected: a value of the request is outside its limits.
            Cancelled: `cancel` answered True.
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
        """Candidates for the masked pixels (True = repaint), `likeliest_first`; every other pixel is returned as it
        came, bit for bit. In a seamless request the edges meet: a mask that touches one sees what lies beyond it. Of a
        file or a PIL image they keep the palette and the ICC profile.

        Raises:
            RequestRejected: an empty mask, a wrong size, or a value of the request outside its limits.
            ImageRejected: a file that is not a picture within the limits.
            Cancelled: `cancel` answered True.
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
        """Candidates for a picture (H, W, 4) that tiles along `request.seamless`, `likeliest_first`: the pixels of
        `seam_band` are drawn anew, every other one is returned as it came, bit for bit.

        Raises:
            RequestRejected: a wrong size, no axis, or a value of the request outside its limits.
            Cancelled: `cancel` answered True.
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
        """Pictures (factor * h, factor * w, 4), `likeliest_first`, of which `picture` (h, w, 4) is every `factor`-th
        row and column, bit for bit; `factor` is 2 or 4. Their log p is that of the other pixels given these.

        The picture may have any size whose enlargement is at most MOST_ENLARGED times the checkpoint's; it conditions
        by the nearest colours of the checkpoint. A map of temperatures is of the size of the result.

        Raises:
            RequestRejected: a checkpoint that does not enlarge, a wrong size or factor, a seamless request, or a value
                of the request outside its limits.
            Cancelled: `cancel` answered True.
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
                return enlarge(loaded.model, codec, picture, class_weights, factor=factor, **how)

            look, watch = PreviewFrame(large, mask, large), paint.watching(on_row)
            drawn = self._drawer.draw(request, draw, look, watch, cancel, codec_of, {"factor": factor})
            drawn = likeliest_first(paint.of(drawn))
        return [replace(drawing, facts=facts) for drawing in drawn]

    def log_likelihood(self, checkpoint: str, picture: PictureLike, *, class_weights: ClassBlend = None) -> float:
        """log p of a whole picture (H, W, 4) in nats given the class alone; colours are snapped first, see `snap`.

        Raises:
            RequestRejected: a wrong size or an unknown class.
        """
        loaded, picture, _ = self._load_for(checkpoint, picture, class_weights)
        self._drawer.at_once(loaded, *picture.shape[:2])
        return log_likelihood(loaded, palette_fitting(loaded.codec, picture), picture, as_blend(class_weights))

    def inspect(self, checkpoint: str, picture: PictureLike, *, class_weights: ClassBlend = None) -> Inspection:
        """How surprising each pixel of a whole picture (H, W, 4) is given the class alone, in bits that sum to -log2 p,
        and p(class | picture) by Bayes' rule, each class as probable beforehand; colours are snapped first, see `snap`.

        Raises:
            RequestRejected: a wrong size or an unknown class.
        """
        loaded, picture, weights = self._load_for(checkpoint, picture, class_weights)
        at_once = self._drawer.at_once(loaded, *picture.shape[:2])
        codec = palette_fitting(loaded.codec, picture)
        return inspect(loaded.model, codec, picture, weights, classes=loaded.info.classes, at_once=at_once)

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
        """The `top` most probable colours of one pixel given the class and every other pixel of the picture (H, W, 4),
        before it and after it, and the probability of the colour that is there; colours are snapped first, see `snap`.
        Where the palette is an input, they are the colours of the picture.

        Raises:
            RequestRejected: a wrong size, an unknown class, a pixel outside the picture, or `top` not 1 to 256.
        """
        loaded, picture, weights = self._load_for(checkpoint, picture, class_weights)
        at_once = self._drawer.at_once(loaded, *picture.shape[:2])
        codec = palette_fitting(loaded.codec, picture)
        return colours_at(loaded.model, codec, picture, weights, row=row, column=column, top=top, at_once=at_once)

    def _recolouring(self, request: Request, picture: Picture, mask: NDArray[np.bool_]) -> Recolouring:
        """What `request.own_colours` asks for, of what is drawn into `picture` (H, W, 4) where `mask` is True."""
        loaded = self.library.load(request.checkpoint)
        asked = request.own_colours and not loaded.info.takes_palettes
        return Recolouring(own_colours(loaded.codec, picture, mask) if asked else None, mask)

    def _codecs(self, request: Request, picture: Picture, mask: NDArray[np.bool_]) -> CodecOf:
        """What the pictures of a request are drawn with into `picture` (H, W, 4) where `mask` (H, W) is True."""
        loaded = self.library.load(request.checkpoint)
        weights = loaded.class_weights(request.class_weights).tolist()
        asked = dict(zip(loaded.config.classes, weights, strict=True)) if any(weights) else {}
        palette = OF_MODEL if request.allowed is not None and not request.palette else request.palette
        how = {"picture": picture, "mask": mask, "palettes": loaded.palettes, "class_weights": asked}
        codecs = codec_of(loaded.codec, palette, **how, name=loaded.info.name)
        if loaded.info.takes_palettes and request.allowed is not None:
            if palette == OF_PICTURE:
                raise RequestRejected("allowed: numbers of colours need a palette that is said, or that of the model")
            count = len(codecs(range(request.seed, request.seed + 1)).to_config()["colours"])
            if max(request.allowed, default=0) > count:
                raise RequestRejected(f"allowed {max(request.allowed)}: the palette has {count} colours")
        return codecs

    def _try_remote(
        self, call: Call, info: CheckpointInfo, on_row: OnRow | None, cancel: Callable[[], bool] | None
    ) -> list[Drawing] | None:
        """What was drawn elsewhere; None where it is to be drawn here. Only what could be drawn is asked for."""
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
            raise RequestRejected(f"{info.name} does not enlarge, being no chain of scales; these do: {able or 'none'}")
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
    """A drawing that is asked for, as it travels to an engine of another process: generate; complete, `arguments` being
    picture and mask; or enlarge, by `factor`, being the picture alone."""

    method: Literal["generate", "complete", "enlarge"]
    request: Request
    arguments: tuple[NDArray[Any], ...] = ()
    factor: int = 1

    def of(self, engine: Engine, on_row: OnRow | None, cancel: Callable[[], bool] | None) -> list[Drawing]:
        """What that engine draws. Raises what its method raises."""
        watched: dict[str, Any] = {"on_row": on_row, "cancel": cancel}
        if self.method == "enlarge":
            watched["factor"] = self.factor
        return getattr(engine, self.method)(self.request, *self.arguments, **watched)


def _without_keep(request: Request) -> Request:
    """The request. Raises RequestRejected when it is to keep something, which completions alone can."""
    if request.keep:
        raise RequestRejected(f"keep {request.keep!r:.40}: only a completion keeps what its masked pixels have")
    return request


def _again(request: Request, drawing: Drawing) -> Request:
    """A request for one picture more in the palette and of the seed of a drawing."""
    palette = tuple(drawing.settings.get("colours", ())) or request.palette
    return replace(request, count=1, seed=drawing.seed, palette=palette)
