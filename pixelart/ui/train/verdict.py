"""Whether a training is ready to use: its improvement over the base, in plain words. It blocks nothing."""

from __future__ import annotations

from pixelart.errors import RequestRejected
from pixelart.jobs import JobFolder
from pixelart.training.improvement import Improvement, read_improvements
from pixelart.training.run_config import read_run

READY, EARLY, NOT_COMPARED = "Ready to use", "Too early to use", "Not compared with the base model"


def verdict_html(folder: JobFolder) -> str:
    """HTML of the verdict on the save that Use takes; "" if the run has no base to compare with."""
    try:
        has_base = bool(read_run(folder.run).base)
    except RequestRejected:  # it has not started yet
        return ""
    if not has_base:
        return ""
    word, reason = _verdict(folder)
    kind = {READY: "ready", EARLY: "early"}.get(word, "unknown")
    return f'<p class="verdict {kind}"><strong>{word}</strong> {reason}</p>'


def _verdict(folder: JobFolder) -> tuple[str, str]:
    """The verdict, and the figure behind it."""
    measures, compared = folder.measures(), read_improvements(folder.run)
    if not measures:
        return EARLY, "Nothing is measured yet."
    if not any("validation_bits" in row for row in measures):
        return NOT_COMPARED, "No pictures are kept aside to judge it by (Validation share under Advanced)."
    if not compared:
        return NOT_COMPARED, "The base model was not measured when this training began."
    kept = folder.kept_step
    found = next((one for one in compared if one.step == kept), compared[-1])
    return (READY if found.is_real else EARLY), improvement_text(found)


def improvement_text(found: Improvement) -> str:
    """The figure and its uncertainty, such as "It fits pictures that it was not trained on 12.0 % better than the base
    model does (improvement between 9.1 and 14.9 %, measured on 31 pictures)." """
    way = "better" if found.percent >= 0 else "worse"
    figure = f"It fits pictures that it was not trained on {abs(found.percent):.1f} % {way} than the base model does"
    if found.least is None or found.most is None:
        return f"{figure}, but only one picture is kept aside, too few to tell."
    interval = f"{found.least:.1f} and {found.most:.1f} %, measured on {found.pictures} pictures"
    may_be_chance = found.least <= 0 <= found.most
    return f"{figure}{', which may be chance' * may_be_chance} (improvement between {interval})."
