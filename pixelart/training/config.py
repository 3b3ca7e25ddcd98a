"""What a run is: every value that decides its weights, kept as run.json beside its checkpoints."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pixelart.errors import RequestRejected
from pixelart.storage import write_file
from pixelart.training.data.archives import Frames
from pixelart.training.data.pictures import Fit

RUN_FILE = "run.json"
PaletteOf = Literal["keep", "fit"]
AUTO_EXECUTION = "auto"
PRECISIONS, MEMORY_FORMATS = ("fp32", "bf16"), ("channels_last", "contiguous")


FINE_TUNING: dict[str, Any] = {
    "learning_rate": 1e-3,
    "optimizer": "muon",
    "dropout": 0.2,
    "warmup_steps": 20,
    "save_every": 50,
    "keep": "best",
}
"""The values of a schedule that starts from a base, where nothing else is given. docs/NOTES.md compares others."""


@dataclass(frozen=True)
class OptionOnPage:
    """An option's number in the Train tab: its label, a short explanation and the largest value there; with `zero` = ""
    0 leaves the option out."""

    label: str
    info: str
    zero: str = "0"
    most: float = 10**6


@dataclass(frozen=True)
class Option:
    """An option of a training, declared once: the command line, the records of jobs and the Train tab are made from it.

    `text`: help, with the default in brackets; without it the option is not offered. `limits`: of a number. `choices`:
    of a word. `of_machine`: about the machine and not the training, so that no job may set it. `before`: the value of
    runs that are older than the option. `page`: how the Train tab shows it, if at all.
    """

    text: str = ""
    limits: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    of_machine: bool = False
    before: Any = None
    page: OptionOnPage | None = None


def option(default: Any, text: str = "", **declared: Any) -> Any:
    """A field of `Schedule`, with what `Option` declares of it."""
    return field(default=default, metadata={"option": Option(text, **declared)})


@dataclass(frozen=True)
class Schedule:
    """How a run learns.

    Exactly one of `steps` (the weights are then a function of the settings, to the bit, on one machine) and `minutes`
    (of training time; stops and measuring not counted) is positive; it also sets the length of the cosine schedule.
    `precision` and `memory_format` "auto" and `threads` 0 are decided when the run starts, by what is fastest on the
    machine (`pixelart.training.autotune`). `context_rate`: the learning rate of the context encoder and its ways
    into the trunk, relative to the trunk's; `context_first`: the share of the schedule in which the encoder learns
    alone, by its vote, at a fourth of the work a step. `class_dropout`: the share of pictures shown without their
    class; `flip`: the share shown mirrored left to right, and said to be; `recolour`: where the palette is an input,
    the share shown in turned hues and stretched lightness. `balance` 0 shows pictures as often as there are, 1 every
    class as often. `dropout`: the share of gated features left out while training. `vote_weight`: the weight of the
    context encoder's own loss. Of the pictures, by content, `held_out_share` have no part in the run, and
    `validation_share` of them are only measured on. A step learns from `batch_size` pictures at a time, `accumulate`
    times over, in each of `processes` processes. `keep`: which averaged weights are exported, those of the "last" save
    or of the "best", the one whose validation pictures cost least: small sets overfit. `sample_every` 0 draws samples
    with every save. `gradient_checkpointing` forgets what layers computed and does it again for the gradient: slower,
    in less memory, the same bits unless compiled.
    """

    steps: int = option(
        0, "how many steps to train", limits=(0, 10**8 - 1), page=OptionOnPage("Steps", "0: by minutes")
    )
    minutes: float = option(0.0, "or how many minutes", limits=(0, 60 * 24 * 30))
    batch_size: int = option(
        16, "pictures at a time (16)", limits=(1, 4096), page=OptionOnPage("Batch size", "Pictures a step", most=256)
    )
    accumulate: int = option(
        1, "times that many in a step: the same as larger batches, in less memory (1)", limits=(1, 4096)
    )
    processes: int = option(1, limits=(1, 4096))
    learning_rate: float = option(
        1.5e-3,
        f"the schedule's highest (of the variant; of a base {FINE_TUNING['learning_rate']:g})",
        limits=(1e-7, 1.0),
        page=OptionOnPage("Learning rate", "0: what suits the base", zero="", most=0.1),
    )
    optimizer: str = option(
        "adamw", "adamw, or muon: learns kernels in fewer steps, a little slower a step "
        f"(adamw; of a base {FINE_TUNING['optimizer']})",
        choices=("adamw", "muon"), before="adamw",
    )  # fmt: skip
    warmup_steps: int = option(200, limits=(0, 10**6))
    context_rate: float = option(
        3.0, "the context encoder's learning rate, relative to the trunk's (3)", limits=(0, 100)
    )
    context_first: float = option(
        0.0, "share of the schedule in which the context encoder learns alone (0)", limits=(0, 1)
    )
    weight_decay: float = option(
        0.01, "of the weights at each step, relative to the learning rate (0.01)", limits=(0, 1)
    )
    ema: float = option(
        0.999, "decay of the averaged weights (0.999)", limits=(0, 0.99999),
        page=OptionOnPage("EMA", "Decay of the average", most=0.9999),
    )  # fmt: skip
    class_dropout: float = option(0.1, "share of the pictures shown without their class (0.1)", limits=(0, 1))
    vote_weight: float = option(0.3, limits=(0, 10))
    flip: float = option(0.0, "share of the pictures shown mirrored left to right, and said to be (0)", limits=(0, 0.9))
    recolour: float = option(
        0.0, "share of the pictures shown in turned hues, where the palette is an input (0)", limits=(0, 1), before=0.0
    )
    balance: float = option(
        0.0, "0: pictures as often as there are, 1: every class as often (0)", limits=(0, 1), before=0.0
    )
    dropout: float = option(
        0.0,
        f"share of the gated features left out while training (0; of a base {FINE_TUNING['dropout']:g})",
        limits=(0, 0.9),
        before=0.0,
    )
    validation_share: float = option(
        0.1, "share of the pictures, by content, that is only measured on (0.1)", limits=(0, 0.9),
        page=OptionOnPage("Validation share", "Not trained on", most=0.5),
    )  # fmt: skip
    held_out_share: float = option(
        0.0, "share of the pictures, by content, that the run leaves out altogether (0)", limits=(0, 0.9), before=0.0
    )
    seed: int = option(
        0, "of weights, order and masks (0)", limits=(0, 2**31),
        page=OptionOnPage("Seed", "Order and masks", most=2**31 - 1),
    )  # fmt: skip
    save_every: int = option(
        500, f"steps between checkpoints (500; of a base {FINE_TUNING['save_every']})", limits=(1, 10**8),
        page=OptionOnPage("Save every", "Steps; 0: automatic", zero="", most=10**6),
    )  # fmt: skip
    sample_every: int = option(
        0, "steps between samples (as often as checkpoints)", limits=(0, 10**8),
        page=OptionOnPage("Sample every", "Steps; 0: as saved", most=10**6),
    )  # fmt: skip
    keep: str = option(
        "last", f"export the last save, or the best on the validation part (last; of a base {FINE_TUNING['keep']})",
        choices=("last", "best"),
    )  # fmt: skip
    precision: str = option(
        AUTO_EXECUTION, "fp32, bf16, or auto: what is faster on this machine, timed at the start (auto)",
        choices=(AUTO_EXECUTION, *PRECISIONS),
    )  # fmt: skip
    memory_format: str = option(
        AUTO_EXECUTION, "of weights: channels_last, contiguous, or auto, by the same timing (auto)",
        choices=(AUTO_EXECUTION, *MEMORY_FORMATS), of_machine=True, before="channels_last",
    )  # fmt: skip
    compile: bool = option(
        False, "compile the step first: slower to start, faster to train; needs a C++ compiler", of_machine=True
    )
    gradient_checkpointing: bool = option(False, "for large pictures: less memory, slower, the same result")
    threads: int = option(0, "CPU threads; 0: as many as are fastest (0)", limits=(0, 1024), of_machine=True)

    @property
    def global_batch_size(self) -> int:
        """How many pictures a step learns from, in all processes together."""
        return self.batch_size * self.accumulate * self.processes

    @property
    def execution(self) -> str:
        """How the machine computes, in words: "bf16, channels_last, 2 threads"."""
        threads = [f"{self.threads} thread{'s' * (self.threads != 1)}"] if self.threads else []
        return ", ".join([self.precision, self.memory_format, *threads, *["compiled"] * self.compile])

    def check(self) -> None:
        """Raises RequestRejected, naming the value and the limit."""
        for name, declared in OPTIONS.items():
            value = getattr(self, name)
            if declared.limits and not declared.limits[0] <= value <= declared.limits[1]:
                raise RequestRejected(f"{name} {value}: must lie in {declared.limits[0]:g} to {declared.limits[1]:g}")
        if (self.steps > 0) == (self.minutes > 0):
            raise RequestRejected("say either how many steps or how many minutes to train")
        for name, declared in OPTIONS.items():
            *others, last = declared.choices or ("",)
            if declared.choices and getattr(self, name) not in declared.choices:
                raise RequestRejected(f"{name} {getattr(self, name)!r:.20}: must be {', '.join(others)} or {last}")


OPTIONS: Mapping[str, Option] = {field.name: field.metadata["option"] for field in dataclasses.fields(Schedule)}
"""What is declared of each field of a schedule."""


@dataclass(frozen=True)
class RunConfig:
    """The settings of one training run: the data and what it fixed, the network, the schedule."""

    model: str
    preset: str
    data: str
    size: tuple[int, int]
    fit: Fit
    data_fingerprint: str
    classes: tuple[str, ...]
    colours: int
    palette: PaletteOf
    """Whose colours: those of the base, or such as fit the pictures."""
    codec: dict[str, Any]
    model_config: dict[str, Any]
    schedule: Schedule
    frames: Frames = "first"
    class_rule: int = 1
    """How its pictures are named after their folders (`pixelart.training.data.classes`); what is older says nothing."""
    base: str = ""
    """The checkpoint folder whose weights the run started from, or nothing; `preset`, and `colours` where the
    palette is kept, then say nothing."""
    base_origin: str = ""
    """Where the base was pulled from, as owner/name@commit, or nothing."""
    sizes: int = 0
    """How many sizes of pictures its weights learn, or the base has learned; 0: not recorded, as in older runs."""
    measured: dict[str, float] = field(default_factory=dict)
    """Pictures a second of each choice that was timed before the run began; on a CPU, per second of processor time, but
    for those of threads."""

    def write(self, run: Path) -> None:
        """Store as `run`/run.json."""
        write_file(run / RUN_FILE, json.dumps(dataclasses.asdict(self), indent=1).encode())


_OLDER = {name: declared.before for name, declared in OPTIONS.items() if declared.before is not None}


def read_run(run: Path) -> RunConfig:
    """The config of the run folder `run`.

    Raises:
        RequestRejected: no run there, or not one that this version understands.
    """
    try:
        values = json.loads((run / RUN_FILE).read_bytes())
        values.update(size=tuple(values["size"]), classes=tuple(values["classes"]))
        values["schedule"] = {**_OLDER, **values["schedule"]}
        missing = set(Schedule.__dataclass_fields__) - set(values["schedule"])
        if missing:
            raise ValueError(f"no {', '.join(sorted(missing))}")
        config = RunConfig(**{**values, "schedule": Schedule(**values["schedule"])})
        config.schedule.check()
        return config
    except FileNotFoundError as error:
        raise RequestRejected(f"{run}: not a run folder (no {RUN_FILE})") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RequestRejected(f"{run / RUN_FILE}: not readable ({error})") from error
