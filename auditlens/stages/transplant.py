"""Transplanted artefacts: what the concept activation vector was fitted on and how well it tells, and the finding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Separated:
    """How one layer's pooled activations tell images with the artefact from images without.

    Attributes
    ----------
    artefact, layer : str
    origin : str
        Where the examples come from, in words.
    scores : (images,)
        By a vector fitted without the image's own unit; NaN where the other units lack a side.
    positives : bool (images,)
    units, strata : (images,)
    cover : (instances,)
        Mean of each instance's soft mask: how much of an image it covers; empty where nothing is transplanted.
    """

    artefact: str
    layer: str
    origin: str
    scores: NDArray[np.floating]
    positives: NDArray[np.bool_]
    units: NDArray[np.integer]
    strata: NDArray[np.integer]
    cover: NDArray[np.floating]


class TransplantFinding(Stage):
    """One artefact that was taken from example images by a concept activation vector."""

    artefact: str
    layer: str
    origin: str
    """Where the examples come from."""
    n_with: int
    n_without: int
    auroc: Estimate
    """Of images with the artefact against images without, by vectors fitted on other units."""
    n_instances: int
    cover: float
    """Median share of an image that a soft mask covers."""
    blur: int
    power: float
