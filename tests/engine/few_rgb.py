"""A codec of 64 colours, with a random model and pictures of it: few enough to try every colour."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pixelart.images.codec import RGB, Codec, Picture
from pixelart.models import AutoregressiveModel, create_model


class FewRGB(Codec):
    """RGB of four levels a channel: 64 colours, few enough to try every one."""

    name, channels, levels = "few-rgb", 3, 4

    def encode(self, pictures: Picture) -> Tensor:
        return RGB().encode(pictures) // 64

    def decode(self, indices: Tensor) -> Picture:
        return RGB().decode(indices * 85)

    def to_config(self) -> dict[str, Any]:
        return {"name": self.name}


def random_model(name: str = "gated_pixelcnn", *, codec: Codec, num_classes: int = 3) -> AutoregressiveModel:
    """A debug model for 5 x 4 pictures whose weights are all random, none zero."""
    sizes = {"channels": codec.channels, "levels": codec.levels, "height": 5, "width": 4}
    model = create_model(name, preset="debug", **sizes, num_classes=num_classes)
    random = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        parameter.requires_grad_(False).copy_(torch.randn(parameter.shape, generator=random) * 0.3)
    return model.eval()


def random_picture(seed: int = 0) -> Picture:
    """A picture of 5 x 4 random pixels."""
    x = torch.randint(0, 4, (1, 3, 5, 4), generator=torch.Generator().manual_seed(seed))
    return FewRGB().decode(x)[0]
