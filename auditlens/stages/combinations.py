"""Several artefacts in one image. Evidence as arrays, findings as frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from numpy.typing import NDArray

from auditlens.stages.base import Stage
from auditlens.stages.doses import DoseFlip
from auditlens.stages.estimate import Estimate

if TYPE_CHECKING:
    import numpy as np

    from auditlens.stages.evidence import ArtefactTrials

Interaction = Literal["above the sum", "below the sum", "no difference shown", "not evaluated"]


@dataclass(frozen=True, slots=True)
class CombinationTrials:
    """Several artefacts, or one of them, put into images that are clean of all of them.

    Attributes
    ----------
    members : tuple of str
        Artefacts in the order in which they were laid.
    trials : ArtefactTrials
        A row per image; its `instances` are those of the member with the fewest different ones.
    instances : (images, members)
        Instance of each member.
    """

    members: tuple[str, ...]
    trials: ArtefactTrials
    instances: NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class CombinationEvidence:
    """What was run for the combinations of a spec.

    Attributes
    ----------
    planned : tuple of tuple of str
        Every combination that the spec asks for, in the order of laying: the family of the correction.
    trials : mapping of members to CombinationTrials
        Combinations, and each single artefact on the images of all combinations it is part of; without those for
        which no image is clean.
    """

    planned: tuple[tuple[str, ...], ...]
    trials: dict[tuple[str, ...], CombinationTrials]


class CombinationPictures(Stage):
    """One image as it is, with each artefact alone, with all of them, and with all shams."""

    image_id: str
    true_class: str
    titles: tuple[str, ...]
    probabilities: tuple[float, ...]
    files: tuple[str, ...]


class CombinationFinding(Stage):
    """What several artefacts do together to one class, against the sum of what each does alone on the same images."""

    artefacts: tuple[str, ...]
    labels: tuple[str, ...]
    class_name: str
    n_images: int
    n_units: int
    raw: Estimate
    """Mean change of the class's probability."""
    sham: Estimate | None
    beyond: Estimate | None
    margin: Estimate
    """Mean change of the class's margin (log-odds), beyond the shams where there are some."""
    singles: tuple[Estimate, ...]
    """The same for each artefact alone, on the same images."""
    sum_of_singles: Estimate
    """Their sum, per image."""
    interaction: Estimate
    """Combination minus sum on the margin; interval at the level of Holm's procedure over all planned combinations."""
    p_adjusted: float
    state: Interaction
    interaction_raw: Estimate
    """The same without taking off the shams, at 95 %."""
    probability_sum: Estimate
    probability_interaction: Estimate
    """On the scale of the probability, for reading: what saturates there looks like less than the sum. At 95 %."""
    flips: tuple[DoseFlip, ...]
    mean_area: float
    sham_energy_ratio: float | None
    note: str = ""
    sentence: str = ""
    pictures: CombinationPictures | None = None
