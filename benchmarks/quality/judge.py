"""The judge: a small residual classifier of real tiles. Its features are used to compare pictures.

It is trained on the CPU from a fixed seed and stored in a file with the hash of its training tiles, so that later runs
use the same judge.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.quality.tiles import Tiles
from pixelart.errors import WeightsRejected
from pixelart.images.codec import ALPHA_THRESHOLD, Indexed, Picture, normalise
from pixelart.images.palettes import fit_palette
from pixelart.storage import write_file

WIDTHS = (24, 40, 80, 128)
"""Channels at 32 x 32, 16 x 16, 8 x 8 and 4 x 4; the last are the features."""
EPOCHS, EPOCH, BATCH, RATE, SEED = 16, 2048, 64, 4e-3, 0
"""EPOCH: pictures per epoch, sampled with a probability proportional to 1 / sqrt(pictures of their class)."""
SHIFT = 2
COLOURS = 64
"""Colours of the common palette, transparent included."""
RECIPE = f"residual {WIDTHS}, {EPOCHS} x {EPOCH}, batch {BATCH}, rate {RATE:g}, shift {SHIFT}, seed {SEED}"
CHUNK = 128


def as_input(pictures: Picture) -> Tensor:
    """float32 (N, 4, H, W) of pictures (N, H, W, 4): RGB in -1..1, 0 if transparent; and the opacity, 0 or 1."""
    x = torch.from_numpy(np.moveaxis(normalise(pictures), -1, 1).astype(np.float32)) / 255
    return torch.cat([(2 * x[:, :3] - 1) * x[:, 3:], x[:, 3:]], 1)


class Residual(nn.Module):
    """x + two 3 x 3 convolutions, each after batch norm and ReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            y = conv(F.relu(norm(y)))
        return x + y


class JudgeNet(nn.Module):
    """Pictures (N, 4, H, W) to features (N, 128) and logits of classes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(4, WIDTHS[0], 3, padding=1, bias=False)]
        for wide, wider in itertools.pairwise(WIDTHS):
            layers += [nn.BatchNorm2d(wide), nn.ReLU(), nn.Conv2d(wide, wider, 3, 2, 1, bias=False), Residual(wider)]
        self.trunk = nn.Sequential(*layers, nn.BatchNorm2d(WIDTHS[-1]), nn.ReLU())
        self.head = nn.Linear(WIDTHS[-1], classes)

    def features(self, x: Tensor) -> Tensor:
        return self.trunk(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


@dataclass(frozen=True)
class Judge:
    """A trained net and the names of its classes.

    common: the palette in which all pictures are compared. scale: the divisor of the features, their root mean square
    over the training tiles.
    """

    net: JudgeNet
    classes: tuple[str, ...]
    common: Indexed
    scale: float

    def known(self, classes: Iterable[str]) -> list[str]:
        """Those of some classes that it tells apart, in their order."""
        return [name for name in classes if name in self.classes]

    def snap(self, pictures: Picture) -> Picture:
        """Pictures (N, H, W, 4) in the common palette."""
        return self.common.decode(self.common.encode(pictures))

    @torch.no_grad()
    def features(self, pictures: Picture) -> NDArray[np.float64]:
        """Features (N, 128) of pictures (N, H, W, 4)."""
        chunks = [self.net.features(as_input(some)) for some in _chunks(pictures)]
        return torch.cat(chunks).double().numpy() / self.scale

    @torch.no_grad()
    def log_probabilities(self, pictures: Picture) -> NDArray[np.float64]:
        """log p of each class, (N, classes), of pictures (N, H, W, 4)."""
        return torch.cat([self.net(as_input(some)) for some in _chunks(pictures)]).double().log_softmax(1).numpy()

    def recognises(self, pictures: Picture, class_names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Whether the most probable class of each picture is its own, (N,)."""
        own = np.array([self.classes.index(name) for name in class_names])
        return self.log_probabilities(pictures).argmax(1) == own


def find_judge(tiles: Tiles, file: Path, *, progress: Callable[[int, int], None] = lambda done, total: None) -> Judge:
    """The judge stored in `file`. If it was made from other tiles or by another recipe, a new one is trained and
    stored."""
    made_of = {"recipe": RECIPE, "tiles": tiles.training.fingerprint(), "classes": json.dumps(tiles.classes)}
    if (kept := _read(file, made_of)) is not None:
        return kept
    judge = train_judge(tiles, progress=progress)
    file.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.contiguous() for name, value in judge.net.state_dict().items()}
    tensors["scale"] = torch.tensor(judge.scale, dtype=torch.float64)
    tensors["common"] = torch.from_numpy(judge.common.colours)
    write_file(file, safetensors.torch.save(tensors, made_of))
    return judge


def judge_digest(judge: Judge) -> str:
    """16 hexadecimal digits of the SHA-256 of its weights; figures of different judges cannot be compared."""
    content = b"".join(value.numpy().tobytes() for value in judge.net.state_dict().values())
    return hashlib.sha256(content).hexdigest()[:16]


def train_judge(tiles: Tiles, *, progress: Callable[[int, int], None] = lambda done, total: None) -> Judge:
    """Train a judge on the training tiles, in their own colours and in the common palette, with random mirroring and
    shifts."""
    palette = common_palette(tiles)
    snapped = palette.decode(palette.encode(tiles.training.array))
    own, common = as_input(tiles.training.array), as_input(snapped)
    labels = torch.tensor([tiles.classes.index(name) for name in tiles.training.class_names])
    chances = torch.bincount(labels).double().rsqrt()[labels]
    random = torch.Generator().manual_seed(SEED)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        net = JudgeNet(len(tiles.classes)).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.05)
    steps = EPOCHS * EPOCH // BATCH
    for step in range(steps):
        rate = RATE * min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        rows = torch.multinomial(chances, BATCH, generator=random)
        x = varied(torch.where(torch.rand(BATCH, 1, 1, 1, generator=random) < 0.5, own[rows], common[rows]), random)
        loss = F.cross_entropy(net(x), labels[rows], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress(step + 1, steps)
    net.eval().requires_grad_(False)
    judge = Judge(net, tiles.classes, palette, 1.0)
    return replace(judge, scale=float(np.sqrt(np.square(judge.features(snapped)).mean())))


def common_palette(tiles: Tiles) -> Indexed:
    """The palette fitted to all tiles but the held-out ones, as a training fits it."""
    known = np.concatenate([tiles.training.array, tiles.validation.array])
    return Indexed(fit_palette(known[known[..., 3] >= ALPHA_THRESHOLD][:, :3], size=COLOURS - 1))


def varied(x: Tensor, random: torch.Generator) -> Tensor:
    """Pictures (N, 4, H, W), each randomly mirrored, all shifted by the same random offset of up to SHIFT pixels."""
    flips = torch.rand(len(x), 1, 1, 1, generator=random) < 0.5
    x = torch.where(flips, x.flip(3), x)
    down, right = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=random).tolist()
    return F.pad(x, (right, -right, down, -down))


def _read(file: Path, made_of: dict[str, str]) -> Judge | None:
    try:
        with safetensors.safe_open(file, "pt") as content:
            if content.metadata() != made_of:
                return None
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - no mapping
        classes = tuple(json.loads(made_of["classes"]))
        scale, common = float(tensors.pop("scale")), Indexed(tensors.pop("common").numpy())
        net = JudgeNet(len(classes))
        net.load_state_dict(tensors)
    except (OSError, SafetensorError, KeyError, RuntimeError, WeightsRejected):
        return None
    return Judge(net.eval().requires_grad_(False), classes, common, scale)


def _chunks(pictures: Picture) -> list[Picture]:
    return [pictures[start : start + CHUNK] for start in range(0, len(pictures), CHUNK)]
