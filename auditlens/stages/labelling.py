"""What components are called and what nothing explains: vocabularies, unexpected components, comparisons of sets."""

from __future__ import annotations

from typing import Literal

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Alignment, Estimate
from auditlens.stages.states import ComponentState


class ClassUse(Stage):
    """What a component does for one audited class."""

    class_name: str
    state: ComponentState
    relevance: Estimate
    """Mean share of |relevance| over the images."""
    direction: float
    """Mean signed share: positive pushes towards the class."""


class ClassCount(Stage):
    """How many of a component's concept examples are images of a class."""

    true_class: str
    n_examples: int
    base_rate: float
    """Share of the class among all images: what examples drawn blindly would show."""


class RelevantImage(Stage):
    """An image on which a component matters much for an audited class."""

    image_id: str
    true_class: str
    class_name: str
    share: float
    """Signed share of all |relevance| on this image: positive pushes towards `class_name`."""
    probability: float
    """Of `class_name`, on this image."""
    file: str | None = None
    """Picture in the run folder."""


class UnexpectedComponent(Stage):
    """A relevant component that no concept of the spec explains (paper, 3.4): for a person to look at."""

    id: str
    layer: str
    index: int
    state: ComponentState
    """`unexpected` where it is that for any audited class, else `unverified`."""
    label: str | None
    """A contested concept, one that the class does not name, or one that nothing shows to be seen; None for none."""
    uses: tuple[ClassUse, ...]
    """By audited class, the largest share first."""
    examples_by_class: tuple[ClassCount, ...]
    """Which true classes activate it, the most frequent first."""
    nearest: Alignment | None
    """The closest concept of the spec, by z, though it explains nothing."""
    images: tuple[RelevantImage, ...]
    """Where it matters most, by |share|."""


class UnlistedShare(Stage):
    """What the list of unexpected (or unverified) components of a layer covers, and what it leaves out."""

    layer: str
    class_name: str
    state: ComponentState
    n_listed: int
    listed: Estimate
    n_unlisted: int
    """Components in this state beyond the cap of the list, or under the relevance floor."""
    unlisted: Estimate


class WordLabel(Stage):
    """One component against a vocabulary."""

    id: str
    layer: str
    index: int
    by: Literal["crops", "whole images"]
    nearest: str
    """The word with the highest raw alignment."""
    raw: float
    """The paper's score of that word, a = s(theta, probe) - s(theta, null)."""
    paper_label: str | None
    """That word where its raw score reaches the threshold (the paper's rule); None for none."""
    word: str
    """The word with the highest z."""
    z: float
    """Its z against matched random image sets."""
    family_z: float
    """That z against the random sets' best z over the whole vocabulary."""
    label: str | None
    """That word where both z exceed the threshold: the decided label; None for none."""


class WordCount(Stage):
    """How many components of a layer carry a word, or any word of a category."""

    name: str
    category: str | None = None
    """Of a word; None for a category itself."""
    n_paper: int
    """By the paper's rule."""
    n_decided: int
    """By z over the whole vocabulary."""
    shares: dict[str, Estimate] = {}
    """By class: share of |relevance| on components decided to be of this category."""


class VocabularyFinding(Stage):
    """A layer described by a vocabulary (paper, 3.3 and D.3). It describes; no gate reads it."""

    layer: str
    n_words: int
    n_components: int
    raw_threshold: float
    z_threshold: float
    random_paper: float
    """Share of matched random image sets that the paper's rule labels."""
    random_decided: float
    """Share of fresh random image sets that the decided rule labels."""
    categories: tuple[WordCount, ...]
    """In the order of the vocabulary."""
    words: tuple[WordCount, ...]
    """Words that label anything, the most frequent decided label first."""
    components: tuple[WordLabel, ...]


class SetSimilarity(Stage):
    """How far the concepts of one set of components are found in another (paper, eq. 5); asymmetric."""

    source: str
    target: str
    n_source: int
    n_target: int
    similarity: Estimate
    """Mean over the source's components of the highest cosine to one of the target; -1 to 1."""


class Faithfulness(Stage):
    """Whether images of a label activate the component that carries it (paper, D.4)."""

    id: str
    layer: str
    index: int
    label: str
    column: str
    """Column of the data that says where the label is present."""
    phi: float
    """(mean activation on the label's images - lowest) / (highest - lowest) over all labels; 0 to 1, 1 is faithful."""
    strongest: str
    """The label whose images activate the component most."""
    n_labels: int
    n_images: int
    """Images of the label."""
