"""Ablation: what the model loses when components are silenced. Evidence as arrays, findings as frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate

GroupKind = Literal["component", "label", "state", "random"]


@dataclass(frozen=True, slots=True)
class AblationGroup:
    """Components of one layer that are silenced together.

    Attributes
    ----------
    kind : {"component", "label", "state", "random"}
        One component; all that carry a concept's label; all in a state; or random ones as a control.
    name : str
        Component id, concept or state; of a random group, the name of the group that it is matched to.
    class_name : str
        Class whose labels made the group; empty for single components, which no label made.
    components : tuple of int
    """

    kind: GroupKind
    name: str
    class_name: str
    components: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ablations:
    """Logits of some images with groups of components of one layer silenced.

    Attributes
    ----------
    layer : str
    groups : tuple of AblationGroup, (groups,)
    image_indices : (images,)
        Rows of the data index.
    clean : (images, classes)
        Logits with nothing silenced, by the same module.
    logits : (groups, images, classes)
    """

    layer: str
    groups: tuple[AblationGroup, ...]
    image_indices: NDArray[np.integer]
    clean: NDArray[np.floating]
    logits: NDArray[np.floating]


class AblationFinding(Stage):
    """What one class loses when a group of components is silenced."""

    class_name: str
    layer: str
    kind: GroupKind
    name: str
    """Component id, concept or state."""
    n_components: int
    relevance_share: float
    """Mean share of |relevance| of the group for the class; 0 to 1."""
    margin: Estimate
    """Mean change of the margin when the group is silenced, in log-odds; negative where it spoke for the class."""
    probability: Estimate
    """Mean change of the class's probability; -1 to 1."""
    magnitude: float
    """Mean absolute change of the margin over the images: what acts both ways does not cancel here."""
    random_magnitude: float | None = None
    """The same for random groups of equal size and like relevance; None where there are not enough others."""
    beyond_random: Estimate | None = None
    """Absolute change of the margin minus that of the random groups, image by image."""
    n_random: int = 0
    """Random groups behind it."""
    accuracy: Estimate | None = None
    """Change of accuracy at the operating point; -1 to 1, negative where the model gets worse."""
    decisions: Estimate | None = None
    """Share of images whose decision changes."""


class AblationAgreement(Stage):
    """Whether relevance ranks components as silencing them one by one does."""

    layer: str
    class_name: str
    n_components: int
    n_images: int
    rank_correlation: Estimate
    """Spearman's, between mean |relevance| and mean |change of the margin|, over the components; -1 to 1."""
