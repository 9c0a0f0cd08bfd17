"""What a model answers, row by row: kept in the run folder so that two runs can be compared pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Names = NDArray[np.str_]
Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says of a list of pictures, read for one class.

    Attributes
    ----------
    probability : Numbers, (rows,)
    margin : Numbers, (rows,)
        Log-odds of the class.
    decided : Names, (rows,)
        The class that the device reports at the operating point; empty where a multi-label model does not report it.
    """

    probability: Numbers
    margin: Numbers
    decided: Names

    def on(self, scale: str) -> Numbers:
        """Probability or margin."""
        return self.margin if scale == "margin" else self.probability


@dataclass(frozen=True, slots=True)
class CleanAnswers:
    """The clean images of one audited class, by image id.

    Attributes
    ----------
    class_name : str
    images, labels : Names, (images,)
        Ids and true classes.
    units : Counts, (images,)
        Number of the patient or lesion.
    said : Said
    """

    class_name: str
    images: Names
    labels: Names
    units: Counts
    said: Said


@dataclass(frozen=True, slots=True)
class TrialAnswers:
    """One artefact put into clean images, read for one audited class; by image id, then repetition.

    Attributes
    ----------
    artefact, class_name : str
    pictures : str
        Digest of what decides the pixels: artefact, files, seed, version. Equal digests and rows: equal pictures.
    images, labels : Names, (trials,)
    units, repetitions, instances : Counts, (trials,)
    area : Numbers, (trials,)
        Share of the image that changes.
    clean, inserted : Said
    sham : Said or None
        None where no sham was run.
    """

    artefact: str
    class_name: str
    pictures: str
    images: Names
    labels: Names
    units: Counts
    repetitions: Counts
    instances: Counts
    area: Numbers
    clean: Said
    inserted: Said
    sham: Said | None


@dataclass(frozen=True, slots=True)
class ErasedAnswers:
    """Clean images whose lesion was erased, read for one audited class; by image id.

    Attributes
    ----------
    class_name : str
    images, labels : Names, (images,)
    units : Counts, (images,)
    area : Numbers, (images,)
        Share of the image that was filled.
    probability : Numbers, (images,)
    """

    class_name: str
    images: Names
    labels: Names
    units: Counts
    area: Numbers
    probability: Numbers


@dataclass(frozen=True, slots=True)
class RelevanceAnswers:
    """Each clean image's shares of relevance that gates read, for one layer and audited class; by image id.

    Attributes
    ----------
    layer, class_name, attributor : str
    images : Names, (images,)
    units : Counts, (images,)
    shares : mapping of metric to Numbers, (images,)
        0 to 1; without a metric that nothing shows, as where the foundation model sees no spurious concept.
    """

    layer: str
    class_name: str
    attributor: str
    images: Names
    units: Counts
    shares: Mapping[str, Numbers]


@dataclass(frozen=True, slots=True)
class Answers:
    """All rows that a run keeps.

    Attributes
    ----------
    clean : mapping of class name to CleanAnswers
        The audited classes and the class of the operating point.
    trials : mapping of (artefact, class name) to TrialAnswers
    erased : mapping of class name to ErasedAnswers, or None
        None where the run folder was written before it was kept.
    relevance : mapping of (layer, class name) to RelevanceAnswers, or None
        Layers in the order of the network. None as above.
    """

    clean: Mapping[str, CleanAnswers] = field(default_factory=dict)
    trials: Mapping[tuple[str, str], TrialAnswers] = field(default_factory=dict)
    erased: Mapping[str, ErasedAnswers] | None = None
    relevance: Mapping[tuple[str, str], RelevanceAnswers] | None = None
