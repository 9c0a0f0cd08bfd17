"""Response by component: what moves inside when an artefact goes in. Evidence as arrays, findings as frozen types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate
from auditlens.stages.states import ComponentState

ResponseKind = Literal["responds", "silent", "unclear", "without label"]
SMALLEST_RESPONSE = 0.2
"""Standard deviations under which a mean response clear of zero is still called none (Cohen's small effect)."""


@dataclass(frozen=True, slots=True)
class Responses:
    """What one artefact does to all components of one layer: a row per trial, of the trials of the artefact test.

    Attributes
    ----------
    artefact, layer : str
    image_indices, instances : (trials,)
    has_sham : bool
        Without one, changes are against the clean image.
    response, raw : (trials, components)
        Change of the pooled activation beyond the sham, and against the clean image, in standard deviations over
        images of the data as they are (over the trials, where a component never varies on those); 0 where nothing
        moves a component. The same without a sham.
    contributions : mapping of class to (trials, components)
        What each component adds to `change`, in log-odds.
    change : mapping of class to (trials,)
        Margin with the artefact minus that with the sham, by the model whose inside is examined.
    """

    artefact: str
    layer: str
    image_indices: NDArray[np.integer]
    instances: NDArray[np.integer]
    has_sham: bool
    response: NDArray[np.floating]
    raw: NDArray[np.floating]
    contributions: Mapping[str, NDArray[np.floating]]
    change: Mapping[str, NDArray[np.floating]]


class ComponentResponse(Stage):
    """One component that carries the artefact's label, or that responds to the artefact without it."""

    id: str
    index: int
    kind: ResponseKind
    """With the label: it responds, is silent (the interval lies within what counts as none) or unclear."""
    state: ComponentState
    label: str | None
    relevance: float
    """Mean share of |relevance| over the images of the data."""
    response: Estimate
    """Mean change of the pooled activation beyond the sham, in standard deviations over the data; the interval is at
    the level of Holm's procedure, so that it is clear of zero where the adjusted p-value is below 5 %."""
    raw: float
    """The same against the clean image."""
    contribution: Estimate
    """What it adds to the change of the margin beyond the sham, in log-odds; interval as for the response."""
    p_adjusted: float
    """Of the response, over the relevant components of the layer."""


class ResponseFinding(Stage):
    """How the components of one layer respond to one artefact, and whether labels tell it."""

    artefact: str
    class_name: str
    layer: str
    concepts: tuple[str, ...]
    """Concepts that the artefact shows and that count as labels; empty where none is seen."""
    n_trials: int
    n_relevant: int
    """Components that were tested: those that are relevant for the class, and those with the label."""
    n_responding: int
    n_labelled: int
    n_labelled_responding: int
    n_labelled_silent: int
    components: tuple[ComponentResponse, ...]
    """Labelled ones, then those that respond without the label, each by the size of their contribution."""
    change: Estimate
    """Mean change of the class's margin beyond the sham, in log-odds."""
    by_labelled: Estimate
    """The part of it that runs through components with the label."""
    by_others: Estimate
    """The part that runs through all other components of the layer."""
    told: Estimate
    """AUROC with which the alignment with the artefact's concept tells the components that respond from the others."""
    sentence: str
