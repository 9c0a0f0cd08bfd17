"""How images that already carry an artefact were told, in a sentence beside its effects."""

from __future__ import annotations

import numpy as np

from auditlens.spec.artefacts import ArtefactBase
from auditlens.stages.evidence import Evidence


def cleaning_sentence(artefact: ArtefactBase, evidence: Evidence) -> str:
    """Say which images were left out by score; empty where scores had no say."""
    name = artefact.clean_by.score if artefact.clean_by is not None else None
    found = evidence.carriers.get(name) if name is not None else None
    if found is None or found.why:
        return ""
    flags = evidence.samples.columns.get(artefact.column or "", np.full(len(found.holds), np.nan))
    asked = np.isnan(flags)
    others = "the others" if found.source == "column" else "all images"
    word = (name or "").replace("_", " ")
    return (
        f"Clean by score: of {int(asked.sum())} images without a flag, {int((found.holds & asked).sum())} with a score "
        f"for '{word}' above {found.threshold:.3f} were left out. There, {100 * found.share_of_examples:.0f} % of its "
        f"examples and {100 * found.share_of_others:.0f} % of {others} lie above."
    )
