"""Several sets of images in one audit: what each is for, and what they must not share."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from auditlens.stages.base import Stage


class SetRole(StrEnum):
    """What a set of images is for."""

    SEALED = "sealed"
    """The test set: audited by default; every look at it counts."""
    DEVELOPMENT = "development"
    """Audited where a run asks for it, as often as one likes: what pull requests use."""
    OBSERVABILITY = "observability"
    """Shows whether the foundation model sees the concepts, by its own labelled columns."""
    CONCEPT_EXAMPLES = "concept_examples"
    """Where the concept examples of the components come from; audited, like a set for development, where asked for."""


Use = Literal["audited", "observability", "concept examples", "compared"]
"""What a run did with a set: measured the model, or what the foundation model sees, or what the components encode, or
looked for overlaps only."""


class PlannedSet(Stage):
    """One of several sets as it was found."""

    name: str
    role: SetRole
    uses: tuple[Use, ...]
    source: str
    sha256: str
    """Hash over all image digests, labels and units, in id order."""
    n_images: int
    n_units: int
    unit_column: str | None
    n_left_out: int = 0


class SetOverlap(Stage):
    """What two sets have in common."""

    first: str
    second: str
    n_units: int | None
    """Units (patients) in both; None where they could not be compared."""
    n_images: int
    """Images in both, byte for byte; copies that were saved again are not found."""
    note: str = ""
    """Why units were not compared."""


class ListOverlap(Stage):
    """What a set has in common with a list of salted ids."""

    set_name: str | None
    """None where the spec has one set only."""
    file: str
    sha256: str
    n_listed: int
    """Distinct ids in the list."""
    column: str
    n_checked: int
    """Distinct ids of the set that were looked for."""
    n_without: int
    """Images of the set without an id, which nobody can look for."""
    n_found: int


class PlannedSets(Stage):
    """Which set is audited, what the others are for, and what was found in common."""

    audited: str | None = None
    """Name of the audited set; None where the spec has one set only."""
    role: SetRole | None = None
    """Role of the audited set; None where the spec has one set only."""
    sets: tuple[PlannedSet, ...] = ()
    """Every set that this run read, the audited one first; empty where the spec has one only."""
    overlaps: tuple[SetOverlap, ...] = ()
    lists: tuple[ListOverlap, ...] = ()
    """By set and list; empty where the spec names no list: then nothing was checked."""

    @property
    def examples(self) -> str | None:
        """Name of the set that the concept examples come from; None: the audited images."""
        return next((row.name for row in self.sets if "concept examples" in row.uses), None)

    def digest(self, use: Use) -> str | None:
        """Hash of the set that was put to a use; None where none was."""
        return next((row.sha256 for row in self.sets if use in row.uses), None)

    def without_examples(self) -> PlannedSets:
        """The same sets where no concept examples are looked for."""
        sets = (
            row.model_copy(update={"uses": ("compared",)}) if "concept examples" in row.uses else row
            for row in self.sets
        )
        return self.model_copy(update={"sets": tuple(sets)})

    @property
    def sealed(self) -> bool:
        """Whether looks at the audited images count: the sealed set, or the only set there is."""
        return self.role in (None, SetRole.SEALED)
