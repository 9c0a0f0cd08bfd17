"""Dose and response: the same images at several levels of an artefact. Evidence as arrays, findings as frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate

if TYPE_CHECKING:
    from auditlens.stages.evidence import ArtefactTrials

DoseShape = Literal["rises", "falls", "not monotone", "no trend shown"]


@dataclass(frozen=True, slots=True)
class DoseTrials:
    """One artefact at the levels of one dimension.

    Attributes
    ----------
    artefact : str
    dimension : {"scale", "opacity", "count", "position"}
    levels : tuple of float
        Increasing.
    trials : tuple of ArtefactTrials
        One per level; row k of each is the same image, instance and stream.
    """

    artefact: str
    dimension: str
    levels: tuple[float, ...]
    trials: tuple[ArtefactTrials, ...]


class DoseFlip(Stage):
    """Decisions that turn at one level, of those called rightly on the clean image."""

    from_class: str
    to_class: str
    rate: Estimate
    sham: Estimate | None
    beyond: Estimate | None


class DoseLevel(Stage):
    """What one level does: mean paired change of the class's probability, and decisions that turn."""

    level: float
    raw: Estimate
    sham: Estimate | None
    beyond: Estimate | None
    flips: tuple[DoseFlip, ...]
    mean_area: float
    sham_energy_ratio: float | None


class DoseStep(Stage):
    """The paired change of the effect from one level to the next."""

    start: float
    end: float
    change: Estimate
    """At the level of Holm's procedure over the steps, so that it is clear of zero where `p_adjusted` is below 5 %."""
    p_adjusted: float
    against: bool
    """Clear of zero, and against the trend (or, without one, against another clear step)."""


class DoseLimit(Stage):
    """Where a gate's limit is broken: the gate's own measure at every level, at its own confidence."""

    gate: str
    metric: str
    relation: str
    bound: float
    from_class: str | None
    to_class: str | None
    true_class: str | None
    within: dict[str, str] = {}
    """Column -> value: the gate reads images of this subgroup only."""
    estimates: tuple[Estimate, ...]
    """One per level, one-sided as the gate reads them."""
    smallest_outside: float | None
    """Smallest tested level whose interval lies wholly outside of the limit."""
    largest_inside: float | None
    """Largest tested level below it (or of all) whose interval lies wholly inside."""
    back_inside: tuple[float, ...]
    """Levels above the smallest one outside that are wholly inside again."""
    sentence: str


class DosePicture(Stage):
    """One image at one level."""

    level: float | None
    """None: the image as it is."""
    probability: float
    sham: float | None
    files: dict[Literal["image", "sham"], str]


class DoseStrip(Stage):
    """The same image at every level."""

    image_id: str
    true_class: str
    pictures: tuple[DosePicture, ...]


class DoseFinding(Stage):
    """One artefact, one dimension and one class: the dose curve."""

    artefact: str
    label: str
    class_name: str
    dimension: Literal["scale", "opacity", "count", "position"]
    n_images: int
    n_units: int
    n_instances: int
    kind: Literal["beyond", "raw"]
    """What the trend is of: the effect beyond the sham, or the raw one where no sham was run."""
    levels: tuple[DoseLevel, ...]
    steps: tuple[DoseStep, ...]
    slope: Estimate
    """Mean over images of the slope of the effect on the dose: change of probability per unit of the dose."""
    rank: Estimate
    """Mean over images of Spearman's correlation of effect and dose, -1 to 1; 0 for an image that nothing moves."""
    shape: DoseShape
    limits: tuple[DoseLimit, ...] = ()
    sentence: str = ""
    strip: DoseStrip | None = None
