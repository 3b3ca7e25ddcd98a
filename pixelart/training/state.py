"""What a checkpoint holds of a run: weights, their average, the optimizer's moments, and where the run stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from pixelart.errors import RequestRejected
from pixelart.models import AutoregressiveModel
from pixelart.models.weights import pack_weights
from pixelart.training.run import Schedule

BEST = "best.safetensors"
"""The average whose validation pictures cost least, in the checkpoints of a run that keeps it."""
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what AdamW keeps of each parameter


class Learner:
    """A model, the average of its weights, and AdamW over the trunk, then over the context encoder and its ways into
    the trunk; `names` keeps the order of the parameters."""

    def __init__(self, model: AutoregressiveModel, average: AutoregressiveModel, schedule: Schedule) -> None:
        self.model, self.average = model, average
        parts: dict[bool, list[str]] = {False: [], True: []}
        for name, _ in model.named_parameters():
            parts[any(word.startswith(("encoder", "vote", "context")) for word in name.split("."))].append(name)
        self.names = parts[False] + parts[True]
        parameters = dict(model.named_parameters())
        groups = [{"params": [parameters[name] for name in parts[context]]} for context in (False, True)]
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=schedule.weight_decay)
        for parameter in parameters.values():  # every one from the start, also those that do not learn at first
            moments = (torch.tensor(0.0), torch.zeros_like(parameter), torch.zeros_like(parameter))
            self.optimizer.state[parameter] = dict(zip(MOMENTS, moments, strict=True))

    def set_rates(self, *rates: float) -> None:
        """The learning rates of the trunk and of the context encoder."""
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    @property
    def learning_rate(self) -> float:
        """That of the trunk."""
        return float(self.optimizer.param_groups[0]["lr"])

    def pack(self) -> dict[str, bytes]:
        """The files of a checkpoint, by name.

        Raises:
            RequestRejected: a weight is not finite, and no checkpoint of it could be drawn with.
        """
        for model in (self.model, self.average):
            if not all(bool(torch.isfinite(weight).all()) for weight in model.state_dict().values()):
                raise RequestRejected("the weights are not finite; lower the learning rate")
        moments = {
            f"{kind}/{self.names[index]}": value.cpu().contiguous()
            for index, values in self.optimizer.state_dict()["state"].items()
            for kind, value in values.items()
        }
        return {
            "model.safetensors": pack_weights(self.model),
            "average.safetensors": pack_weights(self.average),
            "optimizer.safetensors": safetensors.torch.save(moments),
        }

    def unpack(self, parts: Mapping[str, bytes]) -> None:
        """Take up what `pack` made.

        Raises:
            KeyError, ValueError, RuntimeError, safetensors.SafetensorError: something is missing, or too much.
        """
        self.model.load_state_dict(safetensors.torch.load(parts["model.safetensors"]))
        self.average.load_state_dict(safetensors.torch.load(parts["average.safetensors"]))
        moments = safetensors.torch.load(parts["optimizer.safetensors"])
        packed = self.optimizer.state_dict()
        for index, name in enumerate(self.names):
            parameter = self.model.get_parameter(name)
            packed["state"][index] = {kind: _like(parameter, moments.pop(f"{kind}/{name}")) for kind in MOMENTS}
        if moments:
            raise ValueError(f"moments of {next(iter(moments))}")
        self.optimizer.load_state_dict(packed)


def best_row(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Of measured rows, the first whose validation pictures cost least; nothing where none were measured on."""
    measured = [row for row in rows if "validation_bits" in row]
    return min(measured, key=lambda row: row["validation_bits"], default={})


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """A moment in the memory layout of its parameter, so that a resumed run adds in the same order."""
    return torch.empty_like(parameter).copy_(value) if value.ndim else value
