"""The machines that Hugging Face Jobs offers, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from huggingface_hub import JobHardwareInfo

from pixelart.errors import RequestRejected
from pixelart.hub.client import client, translate_errors
from pixelart.hub.guard import BareFailure

STARTING_MINUTES = 5.0
"""Assumed time that a machine takes to install the program. It is paid for too."""
LEAST_MINUTES, MOST_MINUTES = 10, 24 * 60
"""Shortest and longest time limit of a job."""
_PER_HOUR = {"second": 3600, "minute": 60, "hour": 1}


@dataclass(frozen=True)
class Flavor:
    """A kind of machine. `hourly`: US dollars an hour. `has_gpu`: with one GPU; those with several are left out."""

    name: str
    label: str
    hourly: float
    has_gpu: bool

    def cost(self, minutes: float) -> float:
        """US dollars for so many minutes."""
        return self.hourly * minutes / 60


def list_flavors(token: str | None) -> list[Flavor]:
    """The machines on offer, cheapest first.

    Raises:
        HubFailure: the Hub cannot be reached, or does not accept the token.
    """
    with translate_errors("Hugging Face Jobs"):
        offered = [_flavor(each) for each in client(token).list_jobs_hardware()]
    return sorted((each for each in offered if each), key=lambda each: each.hourly)


def find_flavor(name: str, token: str | None) -> Flavor:
    """The machine `name` at its current price.

    Raises:
        RequestRejected: it is not on offer.
        HubFailure: the Hub cannot be reached, or does not accept the token.
    """
    offered = list_flavors(token)
    found = next((each for each in offered if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in offered)
        raise RequestRejected(f"flavor {name!r:.40}: Hugging Face Jobs offers {names}")
    return found


def check_minutes(minutes: float) -> None:
    """Raises RequestRejected unless `minutes` may be the time limit of a job."""
    if not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        raise RequestRejected(f"time limit {minutes:g}: must be from {LEAST_MINUTES} to {MOST_MINUTES} minutes")


def price_text(flavor: Flavor, *, limit: float, minutes: float = 0.0, here: float = 0.0) -> str:
    """What a training costs, in words. `limit`: of the job, in minutes; `minutes`: of training; 0 = set in steps.
    `here`: minutes that these steps take on this machine, if known."""
    most = f"at most ${flavor.cost(limit):.2f}, when its limit of {limit:g} minutes ends it"
    hourly = f"{flavor.name} costs ${flavor.hourly:.2f} an hour"
    if here and not minutes:
        about = min(here + STARTING_MINUTES, limit)
        speed = "if it trains as fast as this computer; a GPU is usually faster"
        return f"{hourly}: about ${flavor.cost(about):.2f} {speed}; {most}."
    if not minutes:
        return f"{hourly}: {most}. It ends, and costs less, when its steps are done."
    about = min(minutes + STARTING_MINUTES, limit)
    start = f"{minutes:g} minutes of training and about {STARTING_MINUTES:g} to start"
    return f"{hourly}: about ${flavor.cost(about):.2f} ({start}), {most}."


def _flavor(offered: JobHardwareInfo) -> Flavor | None:
    """The machine of an offer; None for one with several accelerators, or another kind than a GPU."""
    chip = offered.accelerator
    if chip and (str(chip.quantity) != "1" or chip.type != "gpu"):
        return None
    if offered.unit_label not in _PER_HOUR:
        raise BareFailure("the Hub's answer is not understood (a price of an unknown unit)")
    parts = [offered.name, f"{chip.model}, {chip.vram}" if chip else offered.cpu]
    hourly = float(offered.unit_cost_usd) * _PER_HOUR[offered.unit_label]
    return Flavor(offered.name, " · ".join(map(str, parts)), hourly, chip is not None)
