"""Findings: evidence judged against the spec, every number with its interval."""

from __future__ import annotations

from typing import Literal

from auditlens.stages.ablation import AblationAgreement, AblationFinding
from auditlens.stages.base import Stage
from auditlens.stages.baselines import BaselineFinding
from auditlens.stages.combinations import CombinationFinding
from auditlens.stages.doses import DoseFinding
from auditlens.stages.eligibility import LeftOut
from auditlens.stages.erasure import ErasureFinding
from auditlens.stages.estimate import Alignment as Alignment
from auditlens.stages.estimate import Estimate as Estimate
from auditlens.stages.estimate import Flip as Flip
from auditlens.stages.estimate import Sided as Sided
from auditlens.stages.labelling import (
    Faithfulness,
    SetSimilarity,
    UnexpectedComponent,
    UnlistedShare,
    VocabularyFinding,
)
from auditlens.stages.mediation import MediationFinding
from auditlens.stages.prevalence import PrevalenceFinding
from auditlens.stages.removal import RemovalFinding
from auditlens.stages.response import ResponseFinding
from auditlens.stages.separability import SeparabilityFinding
from auditlens.stages.states import ComponentState, ConceptState
from auditlens.stages.subgroups import SubgroupFindings
from auditlens.stages.transplant import TransplantFinding


class Performance(Stage):
    """How well the model does on the clean images, at the operating point."""

    decision: str
    """Such as `melanoma at P >= 0.31`, or `argmax`."""
    sensitivity: Estimate
    specificity: Estimate
    auroc: Estimate
    accuracy: Estimate
    confusion: dict[str, dict[str, int]]
    """True class -> decided class -> count."""


class RivalFlag(Stage):
    """How well a concept's probe tells another column's flag: specificity."""

    column: str
    auroc: Estimate


class ConceptFinding(Stage):
    """Whether the foundation model sees a concept in these images."""

    concept: str
    group: str | None
    role: dict[str, Literal["valid", "spurious", "contested"]]
    """By class."""
    state: ConceptState
    source: Literal["column", "images", "insertion", "assumption", "none"]
    auroc: Estimate | None = None
    rivals: tuple[RivalFlag, ...] = ()
    """Other flags that the probe sees at least as well as its own, or the best rival."""
    specific: bool | None = None
    in_sample: Literal["none", "some", "unknown"] = "unknown"
    paraphrase_agreement: float | None = None
    """Lowest rank correlation between two paraphrases' scores over the images; -1 to 1; None for a single text."""
    reason: str = ""
    would_verify: str = ""
    texts: tuple[str, ...] = ()
    probe: Literal["", "texts", "images", "texts and images", "mean", "cav"] = ""
    """What its probe was made from; `mean` and `cav`: from the labelled column, and measured out of fold."""
    measured_on: str | None = None
    """Set of images on which the column was read; None: the audited ones, or another source."""
    prevalence: dict[str, Estimate] = {}
    """P(concept | class) in the data, where a column says so."""


class Example(Stage):
    """One concept example."""

    image_id: str
    box: tuple[int, int, int, int]
    file: str | None
    """Crop in the run folder."""
    label: str
    activation: float


class ComponentFinding(Stage):
    """One component of one layer, judged for one class."""

    id: str
    """`layer:channel`, with a minus sign behind it for the negative side of a channel that is not rectified."""
    layer: str
    index: int
    """Row in the layer's components; negative sides come after all channels."""
    class_name: str
    state: ComponentState
    label: str | None
    """Best-aligned concept that passes, observable or not; None for none."""
    relevance: Estimate
    """Mean share of |relevance| over the images."""
    relevance_quantile: Estimate
    """Its 90 % quantile over the images."""
    relevance_max: float
    direction: float
    """Mean signed share: positive pushes towards the class."""
    best_valid: Alignment | None
    best_spurious: Alignment | None
    alignments: tuple[Alignment, ...]
    """The strongest few, by z."""
    clarity: float | None
    polysemanticity: float | None
    nearest_component: str | None
    similarity: float | None
    """Cosine to the most similar of the components looked at."""
    examples: tuple[Example, ...] = ()


class ClassFinding(Stage):
    """The inside of the model for one class."""

    class_name: str
    attributor: str
    n_components: int
    n_relevant: int
    n_examined: int
    share_by_state: dict[ComponentState, Estimate]
    """Share of all |relevance| by state, over all components of the last layer examined."""
    share_by_concept: dict[str, Estimate]
    """By label, over all components of that layer."""
    components_by_concept: dict[str, int] = {}
    """How many components carry each label."""
    unexamined_share: Estimate
    """Relevance of components under the floor or over the cap: judged by whole images, not by crops."""
    layer: str = ""
    """The layer that this is about; empty in records written before several layers were told apart."""


class Effect(Stage):
    """Mean paired change when the artefact goes in."""

    true_class: str | None
    """None: all images."""
    scale: Literal["probability", "margin"]
    raw: Estimate
    sham: Estimate | None
    beyond: Estimate | None
    share_raised: float


class Pair(Stage):
    """An example before, after, and with the sham, with the probabilities of the audited class."""

    image_id: str
    kind: Literal["flip", "strongest", "median", "no effect"]
    true_class: str
    before: float
    after: float
    sham: float | None
    files: dict[Literal["before", "after", "sham"], str]


class ArtefactFinding(Stage):
    """What one artefact does to one class."""

    artefact: str
    label: str
    class_name: str
    n_images: int
    n_units: int
    n_instances: int
    effects: tuple[Effect, ...]
    flips: tuple[Flip, ...]
    mean_area: float
    sham_energy_ratio: float | None
    """Median pixel energy of the sham over the artefact's."""
    pairs: tuple[Pair, ...] = ()
    observational: Estimate | None = None
    """Mean probability with minus without the flag, within labels, in the data as it is: an association."""
    note: str = ""
    cleaning: str = ""
    """Which images were left out by the score of the artefact's concept; empty where scores had no say."""
    left_out: tuple[LeftOut, ...] = ()
    """Images that it was not put into, by reason."""


class Confrontation(Stage):
    """The two lines of evidence on one artefact or spurious concept, side by side."""

    class_name: str
    concept: str
    artefact: str | None
    inside: Estimate | None
    """Share of relevance on components labelled with the concept."""
    n_components: int
    behaviour: Estimate | None
    """Effect on the probability, beyond the sham."""
    conclusion: Literal["both", "inside only", "behaviour only", "neither", "not evaluated"]
    sentence: str
    response: str = ""
    """Which components of the last layer respond to the artefact, with its label and without; empty if not measured."""
    data: str = ""
    """Whether the shortcut is in the data: how often the artefact comes with the class; empty if nothing tells."""
    mediation: str = ""
    """How much of the effect runs through the components with its label; empty if not measured."""


class Control(Stage):
    """A control run beside the audit."""

    name: str
    question: str
    value: float | None
    expected: str
    passes: bool | None
    """None where it only describes."""
    sentence: str


class NotEvaluated(Stage):
    """Something that a reader might expect, and that was not evaluated."""

    what: str
    why: str
    remedy: str


class LabelPair(Stage):
    """What two foundation models make of one component's crops."""

    id: str
    layer: str
    class_name: str
    first: str | None
    """The label that counts; None where there is none, or where nothing shows that the model sees the concept."""
    first_state: ComponentState
    second: str | None
    second_state: ComponentState


class LabelAgreement(Stage):
    """How far the labels of two foundation models agree over the components that were looked at."""

    layer: str
    class_name: str
    n: int
    n_first: int
    """Components that the first labels."""
    n_second: int
    n_either: int
    """Components that at least one of them labels."""
    n_same: int
    """Components to which both give the same label."""
    kappa: float | None
    """Cohen's kappa over all n, "no label" among the answers; 1 is agreement, 0 what chance gives; None: see note."""
    note: str = ""


class SeenByBoth(Stage):
    """Whether either foundation model sees a concept in these images."""

    concept: str
    first: ConceptState
    second: ConceptState
    first_auroc: Estimate | None = None
    second_auroc: Estimate | None = None


class Opinion(Stage):
    """A further foundation model's opinion on the same crops; it decides nothing."""

    model: str
    sha256: str
    pairs: tuple[LabelPair, ...]
    """By layer and class, each by relevance."""
    agreements: tuple[LabelAgreement, ...]
    concepts: tuple[SeenByBoth, ...]
    sentence: str


class Findings(Stage):
    """All findings."""

    performance: Performance | None
    concepts: tuple[ConceptFinding, ...]
    components: tuple[ComponentFinding, ...]
    classes: tuple[ClassFinding, ...]
    artefacts: tuple[ArtefactFinding, ...]
    confrontations: tuple[Confrontation, ...]
    controls: tuple[Control, ...]
    gate_estimates: dict[str, Estimate]
    """By gate id, at that gate's confidence, one-sided bounds."""
    not_evaluated: tuple[NotEvaluated, ...]
    redundancy: dict[str, float] = {}
    """By layer, over the components looked at."""
    classes_by_layer: tuple[ClassFinding, ...] = ()
    """Every examined layer and class, where several layers are examined; gates read `classes` (the last layer)."""
    unexpected: tuple[UnexpectedComponent, ...] = ()
    """Unexpected components, then unverified ones, by layer (the last first), each by relevance."""
    unlisted: tuple[UnlistedShare, ...] = ()
    vocabulary: tuple[VocabularyFinding, ...] = ()
    """By layer; empty without a vocabulary."""
    set_similarity: tuple[SetSimilarity, ...] = ()
    """Ordered pairs of examined layers."""
    faithfulness: tuple[Faithfulness, ...] = ()
    ablations: tuple[AblationFinding, ...] = ()
    """What silencing components does: single ones, and groups of a label or a state."""
    ablation_agreement: tuple[AblationAgreement, ...] = ()
    """By layer and class."""
    opinions: tuple[Opinion, ...] = ()
    """Further foundation models, in the order of the spec."""
    erasures: tuple[ErasureFinding, ...] = ()
    """By class: the positive control of the erased lesion; empty without masks."""
    responses: tuple[ResponseFinding, ...] = ()
    """By artefact, layer and class: which components move when the artefact goes in."""
    subgroups: SubgroupFindings | None = None
    """Every result by subgroup; None where the spec declares no strata."""
    prevalences: tuple[PrevalenceFinding, ...] = ()
    """By artefact and class: how often the data brings both together."""
    transplants: tuple[TransplantFinding, ...] = ()
    """Artefacts taken from example images by a concept activation vector; empty without any."""
    doses: tuple[DoseFinding, ...] = ()
    """By artefact, dimension and class: effect against dose; empty where the spec names no dose."""
    combinations: tuple[CombinationFinding, ...] = ()
    """By class: several artefacts in one image; empty where the spec asks for none."""
    mediations: tuple[MediationFinding, ...] = ()
    """By artefact and class, in the last layer: what the effect runs through."""
    separability: tuple[SeparabilityFinding, ...] = ()
    """By class: how well its images are told from images with spurious features only."""
    baselines: tuple[BaselineFinding, ...] = ()
    """Earlier audits, in the order of the spec and of the command line."""
    removals: tuple[RemovalFinding, ...] = ()
    """By artefact and class: what taking the artefact out does, where there are masks of it."""
