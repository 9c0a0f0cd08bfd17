"""The positive control of the erased lesion, as the report shows it."""

from __future__ import annotations

from auditlens.report.wording import digits
from auditlens.stages.erasure import ErasureFinding

CHANCE = 0.5


def erasure_sentence(row: ErasureFinding) -> str:
    """Say in words what is left once the lesion is gone, and of how many images."""
    told = row.erased
    if told.value is None:
        return f"Whether {row.class_name} is still told from the rest cannot be said: {told.note}."
    said = f"With the lesion erased, {row.class_name} is told from the rest with an AUROC of {digits(told.value, 2)}"
    if told.low is None or told.high is None:
        return f"{said}."
    if told.low > CHANCE:
        return f"{said}, which is more than chance: the surroundings, or the outline of the fill, tell."
    if told.high < CHANCE:
        return (
            f"{said}, which is less than chance: the fill itself, or what is outside of the lesion, ranks the images."
        )
    return f"{said}; its interval contains chance."


def left_out(row: ErasureFinding) -> str:
    """Say which images could not take part; empty where all could."""
    parts = [
        f"{n} {'image' if n == 1 else 'images'} {why}"
        for n, why in ((row.n_without_mask, "without a mask"), (row.n_unfit, "whose mask is empty or leaves no skin"))
        if n
    ]
    return " and ".join(parts)
