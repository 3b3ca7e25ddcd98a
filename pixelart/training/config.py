"""The options of a training run, with their limits and texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pixelart.errors import RequestRejected
from pixelart.training.data.emphasis import read_emphasis

AUTO_EXECUTION = "auto"
PRECISIONS, MEMORY_FORMATS = ("fp32", "bf16"), ("channels_last", "contiguous")


FINE_TUNING: dict[str, Any] = {
    "learning_rate": 1e-3,
    "optimizer": "muon",
    "batch_size": 8,
    "context_rate": 1.0,
    "dropout": 0.2,
    "warmup_steps": 20,
    "save_every": 50,
    "keep": "best",
}
"""Default values of a schedule that starts from a base. docs/NOTES.md compares others."""


@dataclass(frozen=True)
class OptionOnPage:
    """How the Train tab shows an option that is a number.

    `label`; `info`: a short explanation; `zero`: the value that 0 stands for, "" = the default; `most`: the largest
    value.
    """

    label: str
    info: str
    zero: str = "0"
    most: float = 10**6


@dataclass(frozen=True)
class Option:
    """An option of a training, declared once: the command line, the records of jobs and the Train tab are made from it.

    text: help, with the default in brackets; "" = the command line does not offer the option.
    limits: smallest and largest number.
    choices: the allowed words.
    of_machine: whether it depends on the machine, so that no job may set it.
    before: the value of runs that are older than the option.
    page: how the Train tab shows it; None = not at all.
    """

    text: str = ""
    limits: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    of_machine: bool = False
    before: Any = None
    page: OptionOnPage | None = None


def option(default: Any, text: str = "", **declared: Any) -> Any:
    """A field of `Schedule` with its `Option`; `declared`: the other fields of `Option`."""
    return field(default=default, metadata={"option": Option(text, **declared)})


@dataclass(frozen=True)
class Schedule:
    """How a run trains.

    Exactly one of `steps` and `minutes` is positive; it also sets the length of the cosine schedule. With `steps`, the
    weights depend only on the settings, to the bit, on one machine. `minutes` is training time, without pauses and
    validation.

    Attributes:
        batch_size, accumulate, processes: a step trains on `batch_size` pictures, `accumulate` times, in each process.
        context_rate: the learning rate of the context encoder and of its connections to the trunk, relative to the
            trunk's.
        context_first: share of the schedule in which only the context encoder trains, on its own logits; such a step
            takes a quarter of the time.
        class_dropout: share of the pictures trained without their class.
        vote_weight: weight of the loss of the context encoder's own logits.
        flip: share of the pictures mirrored left to right; mirroring is an input of the network.
        recolour: share of the pictures with rotated hues and stretched lightness, if the palette is an input.
        balance: 0 draws pictures uniformly, 1 draws classes uniformly; classes count over all sizes of the pictures.
        emphasis: how many times as often the pictures of some classes, looks and kinds are drawn, as in
            "hero=3,weapon/bow=2" (twice for a name of both a class and a look). Like `balance`, it also changes how
            many steps each size gets.
        dropout: share of the gated features dropped in training.
        validation_share, held_out_share: shares of the pictures used only for validation, and not used at all. Content
            hashes choose them.
        sample_every: 0 = with every save.
        looks: whether the folders inside those of classes name looks, such as the collections that pictures are from;
            the network is conditioned on the look, too, and draws any look or a given one.
        kinds: likewise of the next folders inside, which name kinds within a class, such as weapon/sword.
        keep: which averaged weights are exported: those of the "last" save, or of the "best" one, with the lowest
            validation loss, because small sets overfit.
        precision, memory_format, threads: "auto", and 0 threads, mean the fastest on this machine, timed when the run
            starts (`pixelart.training.autotune`).
        gradient_checkpointing: recompute activations in the backward pass: less memory, slower, the same bits unless
            compiled.
    """

    steps: int = option(
        0, "how many steps to train", limits=(0, 10**8 - 1), page=OptionOnPage("Steps", "0: as chosen above")
    )
    minutes: float = option(0.0, "or how many minutes", limits=(0, 60 * 24 * 30))
    batch_size: int = option(
        16, f"pictures per batch (16; with a base {FINE_TUNING['batch_size']})", limits=(1, 4096),
        page=OptionOnPage("Batch size", "Pictures; 0: automatic", zero="", most=256),
    )  # fmt: skip
    accumulate: int = option(1, "batches per step: like larger batches, in less memory (1)", limits=(1, 4096))
    processes: int = option(1, limits=(1, 4096))
    learning_rate: float = option(
        1.5e-3,
        f"peak of the schedule (the model's default; with a base {FINE_TUNING['learning_rate']:g})",
        limits=(1e-7, 1.0),
        page=OptionOnPage("Learning rate", "0: the base's default", zero="", most=0.1),
    )
    optimizer: str = option(
        "adamw", "adamw, or muon: fewer steps, each a little slower "
        f"(adamw; with a base {FINE_TUNING['optimizer']})",
        choices=("adamw", "muon"), before="adamw",
    )  # fmt: skip
    warmup_steps: int = option(200, limits=(0, 10**6))
    context_rate: float = option(
        3.0,
        "the context encoder's learning rate, relative to the trunk's "
        f"(3; with a base {FINE_TUNING['context_rate']:g})",
        limits=(0, 100),
    )
    context_first: float = option(
        0.0, "share of the schedule in which only the context encoder trains (0)", limits=(0, 1)
    )
    weight_decay: float = option(0.01, "weight decay per step, relative to the learning rate (0.01)", limits=(0, 1))
    ema: float = option(
        0.999, "decay of the averaged weights (0.999)", limits=(0, 0.99999),
        page=OptionOnPage("EMA", "Decay of the average", most=0.9999),
    )  # fmt: skip
    class_dropout: float = option(0.1, "share of the pictures trained without their class (0.1)", limits=(0, 1))
    vote_weight: float = option(0.3, limits=(0, 10))
    flip: float = option(
        0.0, "share of the pictures mirrored left to right; the model is conditioned on it (0)", limits=(0, 0.9)
    )
    recolour: float = option(
        0.0, "share of the pictures with rotated hues, if the palette is an input (0)", limits=(0, 1), before=0.0
    )
    balance: float = option(
        0.0, "0: draw all pictures equally often, 1: all classes equally often (0)", limits=(0, 1), before=0.0
    )
    emphasis: str = option(
        "",
        "draw pictures of a class, look or class/kind so many times as often, such as hero=3,weapon/bow=2 (all alike)",
        before="",
    )
    dropout: float = option(
        0.0,
        f"share of the gated features dropped in training (0; with a base {FINE_TUNING['dropout']:g})",
        limits=(0, 0.9),
        before=0.0,
    )
    validation_share: float = option(
        0.1, "share of the pictures used only for validation, chosen by content (0.1)", limits=(0, 0.9),
        page=OptionOnPage("Validation share", "Not trained on", most=0.5),
    )  # fmt: skip
    held_out_share: float = option(
        0.0, "share of the pictures that the run does not use, chosen by content (0)", limits=(0, 0.9), before=0.0
    )
    looks: bool = option(
        False, "the folder inside that of a class is the look of its pictures, a second condition beside the class",
        before=False,
    )  # fmt: skip
    kinds: bool = option(
        False,
        "the folder inside that of the class (with looks: of the look) is the kind of its pictures, such as weapon/axe",
        before=False,
    )
    seed: int = option(
        0, "random seed of weights, order and masks (0)", limits=(0, 2**31),
        page=OptionOnPage("Seed", "Order and masks", most=2**31 - 1),
    )  # fmt: skip
    save_every: int = option(
        500, f"steps between checkpoints (500; with a base {FINE_TUNING['save_every']})", limits=(1, 10**8),
        page=OptionOnPage("Save every", "Steps; 0: automatic", zero="", most=10**6),
    )  # fmt: skip
    sample_every: int = option(
        0, "steps between samples (as often as checkpoints)", limits=(0, 10**8),
        page=OptionOnPage("Sample every", "Steps; 0: with every save", most=10**6),
    )  # fmt: skip
    keep: str = option(
        "last", f"export the last save, or the best by validation loss (last; with a base {FINE_TUNING['keep']})",
        choices=("last", "best"),
    )  # fmt: skip
    precision: str = option(
        AUTO_EXECUTION, "fp32, bf16, or auto: the faster on this machine, timed at the start (auto)",
        choices=(AUTO_EXECUTION, *PRECISIONS),
    )  # fmt: skip
    memory_format: str = option(
        AUTO_EXECUTION, "layout of weights: channels_last, contiguous, or auto: the faster, timed (auto)",
        choices=(AUTO_EXECUTION, *MEMORY_FORMATS), of_machine=True, before="channels_last",
    )  # fmt: skip
    compile: bool = option(
        False, "compile the step first: slower to start, faster to train; needs a C++ compiler", of_machine=True
    )
    gradient_checkpointing: bool = option(False, "recompute activations: less memory, slower, the same result")
    threads: int = option(0, "CPU threads; 0: the fastest number (0)", limits=(0, 1024), of_machine=True)

    @property
    def global_batch_size(self) -> int:
        """Pictures per step, in all processes together."""
        return self.batch_size * self.accumulate * self.processes

    @property
    def execution(self) -> str:
        """How the machine computes, as text such as "bf16, channels_last, 2 threads"."""
        threads = [f"{self.threads} thread{'s' * (self.threads != 1)}"] if self.threads else []
        return ", ".join([self.precision, self.memory_format, *threads, *["compiled"] * self.compile])

    def check(self) -> None:
        """Raises RequestRejected, naming the value and the limit, if a value is not allowed."""
        for name, declared in OPTIONS.items():
            value = getattr(self, name)
            if declared.limits and not declared.limits[0] <= value <= declared.limits[1]:
                raise RequestRejected(f"{name} {value}: must be from {declared.limits[0]:g} to {declared.limits[1]:g}")
        if (self.steps > 0) == (self.minutes > 0):
            raise RequestRejected("set either steps or minutes")
        read_emphasis(self.emphasis)
        for name, declared in OPTIONS.items():
            *others, last = declared.choices or ("",)
            if declared.choices and getattr(self, name) not in declared.choices:
                raise RequestRejected(f"{name} {getattr(self, name)!r:.20}: must be {', '.join(others)} or {last}")


OPTIONS: Mapping[str, Option] = {field.name: field.metadata["option"] for field in dataclasses.fields(Schedule)}
"""Field of `Schedule` -> its option."""
