"""Subgroups: what was planned to be split, and what was found in each."""

from __future__ import annotations

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate, Flip


class Stratum(Stage):
    """One subgroup of the images."""

    within: dict[str, str]
    """Column -> value; two entries where two columns are crossed."""
    true_class: str | None = None
    """Only images of this class; None: all."""

    @property
    def name(self) -> str:
        """Such as `fitzpatrick V-VI` or `melanoma images, fitzpatrick V-VI`."""
        parts = [f"{column.replace('_', ' ')} {value}" for column, value in self.within.items()]
        return ", ".join([f"{self.true_class} images", *parts] if self.true_class else parts)


class PlannedStratum(Stage):
    """A subgroup as it was found in the data."""

    stratum: Stratum
    n_images: int
    n_units: int
    class_counts: dict[str, int]
    """Images by class."""


class PlannedStrata(Stage):
    """The family of subgroups, fixed before a model is run."""

    by: tuple[str, ...]
    min_units: int
    """Units below which no gate within a subgroup can hold."""
    strata: tuple[PlannedStratum, ...]
    """The values of each column, then the crossed pairs."""
    n_empty: dict[str, int] = {}
    """Images with an empty cell, by column; they are in none of its subgroups."""

    def values(self, column: str) -> tuple[str, ...]:
        """Values of a column."""
        found = (row.stratum for row in self.strata)
        return tuple(row.within[column] for row in found if tuple(row.within) == (column,) and row.true_class is None)


class SubgroupPerformance(Stage):
    """How well the model does on the clean images of one subgroup, for the decision's class."""

    stratum: Stratum
    n_images: int
    n_units: int
    sensitivity: Estimate
    specificity: Estimate
    """Both with two-sided 95 % intervals; notes say where the units are too few."""


class SubgroupEffect(Stage):
    """What one artefact does to one class within one subgroup."""

    artefact: str
    class_name: str
    stratum: Stratum
    n_images: int
    n_units: int
    n_instances: int
    few: bool
    """Fewer units than `min_units`: shown, but nothing rests on it."""
    raw: Estimate
    """Mean change of the class's probability, two-sided 95 %."""
    sham: Estimate | None
    beyond: Estimate | None
    flips: tuple[Flip, ...]
    contrast: Estimate
    """The effect here minus the effect in the images of the other values, beyond the sham where there is one; at its
    level of Holm's procedure over all artefacts, classes and subgroups of the plan."""
    stands_out: bool
    """Whether that difference is clear of zero, not negligible, and rests on enough units."""

    @property
    def effect(self) -> Estimate:
        """Beyond the sham, where one was run."""
        return self.raw if self.beyond is None else self.beyond


class SubgroupSummary(Stage):
    """The subgroups of one artefact and class in one sentence."""

    artefact: str
    class_name: str
    worst: Stratum | None
    """Where the effect is largest, among subgroups with enough units; None without any."""
    standing_out: tuple[Stratum, ...]
    sentence: str


class SubgroupFindings(Stage):
    """All subgroups."""

    min_units: int
    n_tested: int
    """Size of the family that Holm's procedure allows for."""
    performance: tuple[SubgroupPerformance, ...]
    effects: tuple[SubgroupEffect, ...]
    summaries: tuple[SubgroupSummary, ...]
