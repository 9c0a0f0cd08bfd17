"""Transplanted artefacts, as the report shows them."""

from __future__ import annotations

from auditlens.stages.transplant import TransplantFinding


def mask_sentence(row: TransplantFinding) -> str:
    """Say how the soft mask was made."""
    return (
        f"Mask: every position of {row.layer} scored as if it were the whole image, positive part, up-sampled, blurred "
        f"(kernel {row.blur} at 224 pixels), to the power of {row.power:g}, divided by its highest value."
    )
