"""Evidence: numbers and pictures, no judgement. Arrays in frozen dataclasses; rows follow the data index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from auditlens.stages.ablation import Ablations
from auditlens.stages.carriers import Carriers
from auditlens.stages.combinations import CombinationEvidence
from auditlens.stages.doses import DoseTrials
from auditlens.stages.eligibility import LeftOut
from auditlens.stages.erasure import Erasures
from auditlens.stages.mediation import Mediations
from auditlens.stages.partition import Partition
from auditlens.stages.removal import Removals
from auditlens.stages.response import Responses
from auditlens.stages.separability import SpuriousImages
from auditlens.stages.transplant import Separated

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Samples:
    """The audited images without their pixels.

    Attributes
    ----------
    ids : tuple of str, (images,)
        Stable names, relative paths as a rule.
    labels : Ints, (images,)
        Index of the true class in the model's class list.
    units : Ints, (images,)
        Index of the patient or lesion; one per image where no unit column is given.
    columns : mapping of str to Floats, (images,)
        Numeric 0/1 (or other numeric) columns; NaN where empty.
    strata : Ints, (images,)
        Index of the combination of the `within` columns and the true label.
    strata_of : mapping of str to Ints, (images,)
        For columns that are themselves among `within`: the strata without them, since a column does not vary within
        its own values.
    partitions : mapping of column to Partition
        Subgroups, for the columns that the spec declares as strata.
    """

    ids: tuple[str, ...]
    labels: Ints
    units: Ints
    columns: Mapping[str, Floats]
    strata: Ints
    strata_of: Mapping[str, Ints] = field(default_factory=dict)
    partitions: Mapping[str, Partition] = field(default_factory=dict)

    def strata_for(self, column: str) -> Ints:
        """Strata within which a column is contrasted, (images,)."""
        return self.strata_of.get(column, self.strata)


@dataclass(frozen=True, slots=True)
class Predictions:
    """What the model says of the clean images.

    Attributes
    ----------
    logits : Floats, (images, classes)
        Log-odds scale; for models that return probabilities, their logarithm.
    probabilities : Floats, (images, classes)
    """

    logits: Floats
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class LayerExamples:
    """The most activating images of each component of a layer.

    Attributes
    ----------
    layer : str
    image_indices : Ints, (components, 3m)
        Rows of the images that concept examples come from (`Evidence.example_samples`), most activating first; ties by
        image digest; -1 where there are fewer images.
    activations : Floats, (components, 3m)
        Pooled activations; NaN beside -1.
    label_means : mapping of label to Floats (components,)
        Mean pooled activation over the images of each class and of each 0/1 column that occurs.
    """

    layer: str
    image_indices: Ints
    activations: Floats
    label_means: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LayerRelevance:
    """Relevance of a layer's components for the margin of one class.

    Attributes
    ----------
    layer, class_name, attributor : str
    relevance : Floats, (images, components)
        R_k(x) / sum_k |R_k(x)|, signed, per image; positive pushes towards the class.
    """

    layer: str
    class_name: str
    attributor: str
    relevance: Floats


@dataclass(frozen=True, slots=True)
class ComponentExamples:
    """The embedded concept examples of the components that were looked at, all from one layer.

    Attributes
    ----------
    layer : str
    components : Ints, (components,)
    image_indices : Ints, (components, m)
        Rows of the images that concept examples come from; -1 where there are fewer.
    boxes : Ints, (components, m, 4)
        Crop as left, top, right, bottom in pixels of the original image.
    embeddings : Floats, (components, m, dim)
        Unit vectors; NaN where there is no example.
    null_embeddings : Floats, (pool, dim)
        Unit vectors of matched random crops of random images of the same set.
    null_images : Ints, (pool,)
        Row of that set of each of them.
    weights : Floats, (components, m), or None
        How much each example counts in theta, summing to one per component; None: all the same.
    """

    layer: str
    components: Ints
    image_indices: Ints
    boxes: Ints
    embeddings: Floats
    null_embeddings: Floats
    null_images: Ints
    weights: Floats | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """A concept in the foundation model's space.

    Attributes
    ----------
    concept : str
    vector : Floats, (dim,)
        Unit vector: mean over paraphrases and templates, over example images, the mean of both, or from a column.
    paraphrases : Floats, (texts, dim)
        One unit vector per text (templates averaged); empty for image probes.
    texts : tuple of str
    n_example_images : int
    example_scores : Floats, (example images,)
        Leave-one-out alignment of the example images with the concept, for observability; empty without any.
    source : {"texts", "images", "texts and images", "mean", "cav"}
        `mean` and `cav` are made from the labelled column.
    made_on : str or None
        Set of images that the column is of; None: the audited ones.
    null : Floats, (dim,), or None
        The probe's own null embedding, from the images without the flag; None: the space's.
    offset : float
        Added to every score, so that 0 is the boundary of a concept activation vector.
    out_of_fold : Floats, (images,)
        For probes from a column: each image's score by a probe made from other units' images, for the images that it
        was made from; empty for all others.
    """

    concept: str
    vector: Floats
    paraphrases: Floats
    texts: tuple[str, ...]
    n_example_images: int = 0
    example_scores: Floats = field(default_factory=lambda: np.empty(0))
    source: str = "texts"
    made_on: str | None = None
    null: Floats | None = None
    offset: float = 0.0
    out_of_fold: Floats = field(default_factory=lambda: np.empty(0))

    def direction(self, null: Floats) -> Floats:
        """What unit embeddings are multiplied by: the probe minus its null embedding; (dim,)."""
        return np.asarray(self.vector - (null if self.null is None else self.null))

    def scores(self, embeddings: Floats, null: Floats) -> Floats:
        """A = s(x, probe) - s(x, null), the paper's alignment (3.3) of unit vectors, (rows, dim) -> (rows,)."""
        return np.asarray(embeddings @ self.direction(null) + self.offset)


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Images whose columns say where concepts are, and what the foundation model makes of them.

    Attributes
    ----------
    name : str or None
        Of the set; None: the audited images.
    samples : Samples
    embeddings : Floats, (images, dim)
        Unit vectors of the uncropped images.
    """

    name: str | None
    samples: Samples
    embeddings: Floats


@dataclass(frozen=True, slots=True)
class SemanticSpace:
    """What the foundation model makes of the whole images and the concepts.

    Attributes
    ----------
    image_embeddings : Floats, (images, dim)
        Unit vectors of the uncropped images.
    probes : mapping of concept name to Probe
    null : Floats, (dim,)
        Null embedding: the empty templates; for a foundation model without words the mean of the images.
    unrelated : mapping of word to Floats (dim,)
        Negative controls.
    inserted : mapping of concept name to pair of Floats (trials, dim)
        Embeddings of images without and with the concept's artefact inserted.
    without_probe : mapping of concept name to str
        Why a concept has no probe.
    words : mapping of word to Floats (dim,)
        The vocabulary, one unit vector per word.
    seen_on : LabelledImages or None
        The set that shows what is seen; None: the audited images do.
    drawn_from : Floats, (example images, dim), or None
        Unit vectors of the uncropped images that concept examples come from; None: those of the audited images.
    """

    image_embeddings: Floats
    probes: Mapping[str, Probe]
    null: Floats
    unrelated: Mapping[str, Floats]
    inserted: Mapping[str, tuple[Floats, Floats]]
    without_probe: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Floats] = field(default_factory=dict)
    seen_on: LabelledImages | None = None
    drawn_from: Floats | None = None

    @property
    def example_embeddings(self) -> Floats:
        """Unit vectors of the uncropped images that concept examples come from, (example images, dim)."""
        return self.image_embeddings if self.drawn_from is None else self.drawn_from

    def labelled(self, column: str | None, samples: Samples) -> LabelledImages | None:
        """Images that a column labels: those of the set for observability where it has the column, else the audited.

        Parameters
        ----------
        column : str or None
            A flag, as `Concept.flag` writes it.
        samples : Samples
            The audited images.
        """
        if column is None:
            return None
        if self.seen_on is not None and column in self.seen_on.samples.columns:
            return self.seen_on
        return LabelledImages(None, samples, self.image_embeddings) if column in samples.columns else None


@dataclass(frozen=True, slots=True)
class ArtefactTrials:
    """One artefact put into clean images: a row per trial.

    Attributes
    ----------
    artefact : str
    image_indices : Ints, (trials,)
    instances : Ints, (trials,)
        Which cut-out or rendered variant.
    instance_names : tuple of str
    logits, sham_logits : Floats, (trials, classes)
        With the artefact, and with the sham; NaN rows for a sham that was switched off.
    probabilities, sham_probabilities : Floats, (trials, classes)
    area : Floats, (trials,)
        Share of the image that changes.
    energy_ratio : Floats, (trials,)
        Pixel energy of the sham over that of the artefact; 1 is a fair sham.
    boxes : Ints, (trials, 4)
        Bounding box of the change: left, top, right, bottom.
    """

    artefact: str
    image_indices: Ints
    instances: Ints
    instance_names: tuple[str, ...]
    logits: Floats
    sham_logits: Floats
    probabilities: Floats
    sham_probabilities: Floats
    area: Floats
    energy_ratio: Floats
    boxes: Ints


INSIDE: Final = "the inside of the released file"
"""What is skipped where a file that ships has no eager twin that stands for it."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that could not be measured, and why."""

    what: str
    why: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class OpinionEvidence:
    """What a further foundation model makes of the same images, crops and concepts.

    Attributes
    ----------
    model, sha256 : str
    space : SemanticSpace
    components : mapping of layer to ComponentExamples
        The same components, images and boxes as the first model's; other embeddings.
    """

    model: str
    sha256: str
    space: SemanticSpace
    components: Mapping[str, ComponentExamples]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was measured."""

    samples: Samples
    predictions: Predictions
    examples: Mapping[str, LayerExamples]
    relevance: Mapping[tuple[str, str], LayerRelevance]
    """By (layer, class)."""
    components: Mapping[str, ComponentExamples]
    """By layer; empty without a foundation model."""
    space: SemanticSpace | None
    trials: Mapping[str, ArtefactTrials]
    skipped: tuple[Skipped, ...]
    ablations: Mapping[str, Ablations] = field(default_factory=dict)
    """By layer; empty where ablation is switched off."""
    opinions: tuple[OpinionEvidence, ...] = ()
    """In the order of the spec."""
    responses: Mapping[tuple[str, str], Responses] = field(default_factory=dict)
    """By (artefact, layer); empty where switched off."""
    erasures: Erasures | None = None
    """Images whose lesion was erased; None without masks, or where switched off."""
    carriers: Mapping[str, Carriers] = field(default_factory=dict)
    """By concept: images that carry an artefact by its score, where artefacts ask for it."""
    left_out: Mapping[str, tuple[LeftOut, ...]] = field(default_factory=dict)
    """By artefact: images that it was not put into, by reason."""
    transplants: Mapping[str, Separated] = field(default_factory=dict)
    """By artefact; empty where none is taken from example images."""
    doses: tuple[DoseTrials, ...] = ()
    """By artefact and dimension; empty where the spec names no dose."""
    combinations: CombinationEvidence | None = None
    """Several artefacts in one image; None where the spec asks for none."""
    mediations: Mapping[str, Mediations] = field(default_factory=dict)
    """By artefact, for the last layer; empty where switched off."""
    spurious: tuple[SpuriousImages, ...] = ()
    """Images with spurious features only that the separability test asks for beyond the artefact tests."""
    removals: Mapping[str, Removals] = field(default_factory=dict)
    """By artefact, where the spec has masks of it."""
    drawn_from: Samples | None = None
    """The set that concept examples come from; None: the audited images."""

    @property
    def example_samples(self) -> Samples:
        """The images that the rows of `examples` and `components` name."""
        return self.samples if self.drawn_from is None else self.drawn_from
