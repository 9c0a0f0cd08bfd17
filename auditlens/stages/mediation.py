"""Mediation: how much of an artefact's effect runs through components. Evidence as arrays, findings as frozen types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate

MediatorKind = Literal["labelled", "responding", "spurious"]
"""Components that carry a label of the artefact; that respond to it beyond its sham, whatever their label; or that
carry any spurious label."""


@dataclass(frozen=True, slots=True)
class MediationGroup:
    """Components of one layer that are set to their clean values together.

    Attributes
    ----------
    kind : {"labelled", "responding", "spurious"}
        Of a control: the kind of the set that it is matched to.
    class_name : str
        Class whose labels and relevance made the set, and whose margin is measured.
    components : tuple of int
    is_control : bool
        Whether they are random ones, as many and of like relevance as those of the set.
    """

    kind: MediatorKind
    class_name: str
    components: tuple[int, ...]
    is_control: bool = False


@dataclass(frozen=True, slots=True)
class Mediations:
    """Some trials of one artefact, run again with components of one layer set to their values on the clean image.

    All by the model whose inside is examined, in one numerical setting.

    Attributes
    ----------
    artefact, layer : str
    groups : tuple of MediationGroup, (groups,)
    image_indices, instances : (trials,)
    used : bool (groups, trials)
        Trials on which a group is estimated: none of a unit on whose images it was chosen.
    clean, inserted : mapping of class to (2, trials)
        Margin in log-odds and probability, without and with the artefact.
    patched : (groups, 2, trials)
        The same of the group's class, with the artefact and the group at its clean values.
    """

    artefact: str
    layer: str
    groups: tuple[MediationGroup, ...]
    image_indices: NDArray[np.integer]
    instances: NDArray[np.integer]
    used: NDArray[np.bool_]
    clean: Mapping[str, NDArray[np.floating]]
    inserted: Mapping[str, NDArray[np.floating]]
    patched: NDArray[np.floating]


class MediatedSet(Stage):
    """How much of the effect one set of components carries."""

    kind: MediatorKind
    components: tuple[str, ...]
    """Their ids."""
    relevance_share: float
    """Mean share of |relevance| of the set for the class; 0 to 1."""
    n_trials: int
    n_left_out: int
    """Trials of units on whose images the set was chosen."""
    share: Estimate
    """Share of the change of the margin that is gone when the set keeps its clean values; may leave 0 to 1."""
    probability: Estimate
    """The same of the change of the probability, for reading."""
    controls: Estimate | None = None
    """Mean share of the random sets; None where the layer has too few other components."""
    beyond_controls: Estimate | None = None
    """Share of the set minus the mean share of the random sets."""
    n_controls: int = 0
    control_relevance: float | None = None
    """Mean share of |relevance| of the random sets."""
    matched: bool = True
    """Whether the random sets carry as much relevance as the set, up to a fifth of it."""


class MediationFinding(Stage):
    """What an artefact's effect on one class runs through, in one layer."""

    artefact: str
    class_name: str
    layer: str
    concepts: tuple[str, ...]
    """Concepts that the artefact shows and that count as labels; empty where none is seen."""
    n_trials: int
    total: Estimate
    """Mean change of the margin when the artefact goes in, in log-odds."""
    sets: tuple[MediatedSet, ...]
    sentence: str
