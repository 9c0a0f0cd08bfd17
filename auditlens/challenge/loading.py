"""What the source of an artefact may be built from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from auditlens.data.sample import DataIndex
from auditlens.errors import ArtefactError


@dataclass(frozen=True, slots=True)
class Loading:
    """What the source of an artefact may be built from, beside the spec's entry.

    Attributes
    ----------
    base : Path
        Folder that relative paths start from: that of the spec.
    seed : int
        Seed of the audit; what is drawn once per audit comes from it.
    index : DataIndex or None
        The audited images; None where an artefact is loaded without data.
    """

    base: Path
    seed: int
    index: DataIndex | None = None

    def demand_index(self, kind: str) -> DataIndex:
        """Give the images to a kind that is made of them.

        Raises
        ------
        ArtefactError
            When there are none.
        """
        if self.index is None:
            raise ArtefactError(f"kind {kind} is made of the audited images, and none were given")
        return self.index
