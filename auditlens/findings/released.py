"""The control on a released file: is the eager twin, whose inside was looked at, the model that ships?"""

from __future__ import annotations

from auditlens.stages.findings import Control
from auditlens.stages.plan import PlannedReleased


def twin_control(released: PlannedReleased | None) -> tuple[Control, ...]:
    """Judge the measured equivalence; nothing without a released file or without its twin."""
    if released is None or released.gap is None or released.tolerance is None:
        return ()
    return (
        Control(
            name="released file and eager twin",
            question="Is the model whose inside was looked at the one that ships?",
            value=released.gap,
            expected=f"probabilities differ by at most {released.tolerance:g} on every clean image",
            passes=released.equivalent,
            sentence=f"{_measured(released)} {_meaning(released)}",
        ),
    )


def _measured(released: PlannedReleased) -> str:
    return (
        f"The probabilities of {released.file} and of its eager twin differ by at most {released.gap:.2g} on "
        f"{released.n_compared} clean images, with the same decision on {released.n_same}."
    )


def _meaning(released: PlannedReleased) -> str:
    if released.equivalent:
        return "What was found inside the twin is taken to hold for the file."
    return f"That is more than {released.tolerance:g} (on {released.worst}), so nothing inside was evaluated."
