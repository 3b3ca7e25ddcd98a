"""The training loop: AdamW, cosine schedule, EMA, crash-safe saves."""

from __future__ import annotations

import csv
import io
import json
import logging
import math
import time
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from pixelart.codec import codec_from_config
from pixelart.completion import complete
from pixelart.devices import pick_device
from pixelart.errors import DataRejected, RequestRejected, WeightsRejected
from pixelart.images import contact_sheet, encode_png
from pixelart.layers.context import Context
from pixelart.models import AutoregressiveModel, config_from_dict, get_variant, to_channels_last
from pixelart.models.weights import pack_weights
from pixelart.sampling import Controls
from pixelart.training.batches import Batches
from pixelart.training.checkpoint import last_checkpoint, save_checkpoint, write_file
from pixelart.training.data import PictureSet
from pixelart.training.evaluation import bits_per_dim, hole_bits, nats_per_image
from pixelart.training.pace import follow, warm_cosine
from pixelart.training.run import RunConfig

log = logging.getLogger(__name__)
LOG_FIELDS = ("step", "minutes", "train_bits", "validation_bits", "hole_bits", "seam_bits", "seam_ratio")
Loss = Callable[[Tensor, Context], tuple[Tensor, Tensor]]
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what AdamW keeps of each parameter


class Trainer:
    """One run. `train` goes on until the schedule ends or `stop` answers True, saving as it goes."""

    def __init__(
        self,
        run: Path,
        config: RunConfig,
        data: PictureSet,
        seen: Set[str],
        *,
        weights: AutoregressiveModel | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Prepares step 0, from `weights` or random ones, or, when the run folder holds a checkpoint, its continuation.

        Whoever makes one holds the run folder (`exclusive`) until it has trained. `seen`: content hashes of all that
        the run learns from; the other pictures are only measured on.

        Raises:
            DataRejected: the data is not what the run was started with.
            WeightsRejected: a checkpoint lacks a part.
        """
        if data.fingerprint() != config.data_fingerprint:
            raise DataRejected(f"{config.data}: the pictures are not the ones this run was started with")
        self.run, self.config, self.device = run, config, device or pick_device()
        schedule = config.schedule
        if schedule.threads:
            torch.set_num_threads(schedule.threads)
        variant, model_config = get_variant(config.model), config_from_dict(config.model, config.model_config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(schedule.seed)
            self.model = to_channels_last(variant.model(model_config)).to(self.device)
            self.average = variant.model(model_config).to(self.device)
        if weights is not None:
            self.model.load_state_dict(weights.state_dict())
        self.average.load_state_dict(self.model.state_dict())
        self._loss: Loss = self._joint_loss
        self._context_loss: Loss = self._vote_loss
        if schedule.compile:
            self._loss, self._context_loss = (
                torch.compile(loss, dynamic=False)  # pyright: ignore[reportAttributeAccessIssue]
                for loss in (self._joint_loss, self._vote_loss)
            )
        self.optimizer = self._optimizer()
        self.codec = codec_from_config(config.codec)
        self.x = self.codec.encode(data.pictures)
        self.classes = torch.tensor([config.classes.index(c) for c in data.class_names])
        known = torch.tensor([h in seen for h in data.hashes])
        self.train_rows, self.validation_rows = (torch.where(known == part)[0] for part in (True, False))
        learned = self.train_rows
        self.batches = Batches(
            self.x[learned], self.classes[learned], num_classes=len(config.classes), schedule=schedule
        )
        self.step, self.seconds, self.rows = 0, 0.0, list[dict[str, Any]]()
        self._recent: list[float] = []
        found = last_checkpoint(run)
        if found:
            self._restore(*found)

    def train(
        self, *, stop: Callable[[], bool] = lambda: False, report: Callable[[Trainer], None] = lambda _: None
    ) -> None:
        """Train to the end of the schedule, or until `stop`; a checkpoint is saved in both cases."""
        if self.config.schedule.compile and self.progress() < 1:
            self._compile()
        while self.progress() < 1 and not stop():
            began = time.monotonic()
            self._recent.append(self._train_step())
            self.step += 1
            self.seconds += time.monotonic() - began
            report(self)
            if self.step % self.config.schedule.save_every == 0 or self.progress() >= 1:
                self.save()
        if self.progress() < 1:  # asked to stop: measuring could outlast the patience of who asks
            save_checkpoint(self.run, self.step, self._parts(self.rows, self._recent))

    def recent_bits(self) -> float:
        """Mean bits per hidden sub-pixel over the steps since the last save."""
        return sum(self._recent) / max(1, len(self._recent))

    def progress(self) -> float:
        """The share 0..1 of the schedule that is done."""
        if self.config.schedule.steps:
            return min(1.0, self.step / self.config.schedule.steps)
        return min(1.0, self.seconds / (60 * self.config.schedule.minutes))

    def save(self) -> None:
        """Measure, write a checkpoint of this step, then the log and sample pictures of it.

        Raises:
            OSError: a write failed; the run is as it was.
        """
        rows = [*self.rows, self._measure()]
        save_checkpoint(self.run, self.step, self._parts(rows, []))
        self.rows, self._recent = rows, []
        log.info("%s", json.dumps(rows[-1]))
        self._publish()

    def _publish(self) -> None:
        """log.csv and samples/, as the last checkpoint has them; a resumed run writes what a killed one could not."""
        table = io.StringIO()
        csv.writer(table).writerows([LOG_FIELDS, *([row.get(field, "") for field in LOG_FIELDS] for row in self.rows)])
        write_file(self.run / "log.csv", table.getvalue().encode())
        if self.rows and self.rows[-1]["step"] == self.step:
            (self.run / "samples").mkdir(exist_ok=True)
            write_file(self.run / "samples" / f"step-{self.step:08d}.png", self._samples())

    def _optimizer(self) -> torch.optim.AdamW:
        """AdamW over the trunk, then the context encoder and its ways into the trunk; `self.names` keeps the order."""
        parts: dict[bool, list[str]] = {False: [], True: []}
        for name, _ in self.model.named_parameters():
            parts[any(word.startswith(("encoder", "vote", "context")) for word in name.split("."))].append(name)
        self.names = parts[False] + parts[True]
        parameters = dict(self.model.named_parameters())
        groups = [{"params": [parameters[name] for name in parts[context]]} for context in (False, True)]
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=self.config.schedule.weight_decay)
        for parameter in parameters.values():  # every one from the start, also those that do not learn at first
            moments = (torch.tensor(0.0), torch.zeros_like(parameter), torch.zeros_like(parameter))
            optimizer.state[parameter] = dict(zip(_MOMENTS, moments, strict=True))
        return optimizer

    def _compile(self) -> None:
        """Calls what will be called for the first time, both ways, before the clock starts: compiling is no training.
        Weights, moments and batches stay as they are."""
        x, context = self.batches.draw(self.step)
        alone = self.progress() < self.config.schedule.context_first
        for loss in (self._context_loss, self._loss) if alone else (self._loss,):
            loss(x.to(self.device), context.to(self.device))[0].backward()
        self.optimizer.zero_grad(set_to_none=True)

    # --- one step -------------------------------------------------------------------------------------------------

    def _train_step(self) -> float:
        alone = self.progress() < self.config.schedule.context_first
        for group, rate in zip(self.optimizer.param_groups, (1.0, self.config.schedule.context_rate), strict=True):
            group["lr"] = self.config.schedule.learning_rate * self._rate() * rate
        x, context = self.batches.draw(self.step)
        loss, bits = (self._context_loss if alone else self._loss)(x.to(self.device), context.to(self.device))
        if not math.isfinite(float(loss.detach())):
            raise RequestRejected(f"step {self.step}: the loss is not finite; lower the learning rate")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        follow(self.average, self.model, step=self.step, decay=self.config.schedule.ema)
        return float(bits)

    def _joint_loss(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """(loss, bits per hidden sub-pixel): the model's nll of the hidden pixels, plus that of the vote alone."""
        with self._autocast():
            maps, vote = self.model.maps_and_votes(x, context)
        nll, bits = self._hidden_nll(maps, x, context)
        return nll + self.config.schedule.vote_weight * self._hidden_nll(vote, x, context)[0], bits

    def _vote_loss(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """The same of the encoder's vote alone, a fourth of the work: the encoder learns to look before it is used."""
        with self._autocast():
            vote = self.model.votes(x, context)
        return self._hidden_nll(vote, x, context)

    def _hidden_nll(self, maps: Tensor, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """(weighted mean nll, mean bits) of the hidden sub-pixels.

        A picture weighs as the root of its hidden pixels: else whole pictures drown the lesson of small holes.
        """
        hidden = context.mask[:, None].expand_as(x)
        weight = hidden / hidden.flatten(1).sum(1).clamp(min=1).sqrt()[:, None, None, None]
        nll = self.model.likelihood.nll(maps, x)
        bits = (nll.detach() * hidden).sum() / (hidden.sum() * math.log(2))
        return (nll * weight).sum() / weight.sum(), bits

    def _autocast(self) -> torch.autocast:
        enabled = self.config.schedule.precision == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    def _rate(self) -> float:
        schedule = self.config.schedule
        longest = schedule.steps // 10 if schedule.steps else schedule.warmup_steps
        return warm_cosine(self.progress(), step=self.step, warmup_steps=min(schedule.warmup_steps, longest))

    # --- measuring and keeping ------------------------------------------------------------------------------------

    def _measure(self) -> dict[str, Any]:
        row: dict[str, Any] = {"step": self.step, "minutes": round(self.seconds / 60, 2)}
        if self._recent:
            row["train_bits"] = round(self.recent_bits(), 4)
        if len(self.validation_rows):
            x, classes = self.x[self.validation_rows].to(self.device), self.classes[self.validation_rows]
            weights = F.one_hot(classes, len(self.config.classes)).float().to(self.device)
            nats = nats_per_image(self.average, x, weights)
            holes = hole_bits(self.average, x, weights, holes="brush")
            row["validation_bits"] = round(bits_per_dim(nats, dimensions=x[0].numel()), 4)
            row.update({k: round(v, 4) for k, v in holes.values().items() if k in LOG_FIELDS})
        return row

    def _samples(self) -> bytes:
        """A PNG: a row of four pictures for each class, from the same seeds at every save."""
        classes = torch.eye(len(self.config.classes), device=self.device)
        hidden = np.ones(self.x.shape[2:], np.bool_)
        blank = np.zeros((*hidden.shape, 4), np.uint8)
        drawn = [
            complete(self.average, self.codec, blank, hidden, weights, count=4, seed=0, controls=Controls())
            for weights in classes[:16]
        ]
        pictures = np.stack([candidate.picture for column in drawn for candidate in column])
        return encode_png(contact_sheet(pictures, columns=4), scale=2)

    def _parts(self, rows: list[dict[str, Any]], recent: list[float]) -> dict[str, bytes]:
        moments = {
            f"{kind}/{self.names[index]}": value.cpu().contiguous()
            for index, values in self.optimizer.state_dict()["state"].items()
            for kind, value in values.items()
        }
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "rows": rows,
            "recent": recent,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "fingerprint": self.config.data_fingerprint,
        }
        return {
            "model.safetensors": pack_weights(self.model),
            "average.safetensors": pack_weights(self.average),
            "optimizer.safetensors": safetensors.torch.save(moments),
            "state.json": json.dumps(state, indent=1).encode(),
        }

    def _restore(self, step: int, parts: dict[str, bytes]) -> None:
        """Take up a checkpoint; a part that is missing is an error, never a default."""
        try:
            self.model.load_state_dict(safetensors.torch.load(parts["model.safetensors"]))
            self.average.load_state_dict(safetensors.torch.load(parts["average.safetensors"]))
            moments = safetensors.torch.load(parts["optimizer.safetensors"])
            packed = self.optimizer.state_dict()
            for index, name in enumerate(self.names):
                parameter = self.model.get_parameter(name)
                packed["state"][index] = {kind: _like(parameter, moments.pop(f"{kind}/{name}")) for kind in _MOMENTS}
            self.optimizer.load_state_dict(packed)
            state = json.loads(parts["state.json"])
            self.step, self.seconds, self.rows = state["step"], state["seconds"], state["rows"]
            self._recent, threads, version = state["recent"], state["threads"], state["torch"]
        except (KeyError, RuntimeError, ValueError, safetensors.SafetensorError) as error:
            raise WeightsRejected(f"step {step}: incomplete checkpoint ({error!s:.120})") from error
        if moments or state["fingerprint"] != self.config.data_fingerprint or self.step != step:
            raise WeightsRejected(f"step {step}: the checkpoint is of another run")
        for what, was, now in (("threads", threads, torch.get_num_threads()), ("torch", version, torch.__version__)):
            if was != now:
                log.warning("%s was %s, is %s: bits may differ from a run that was never stopped", what, was, now)
        self._publish()


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """A moment in the memory layout of its parameter, so that a resumed run adds in the same order."""
    return torch.empty_like(parameter).copy_(value) if value.ndim else value
