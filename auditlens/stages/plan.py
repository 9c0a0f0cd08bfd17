"""AuditPlan: everything resolved before a model is run, so that a reader can say what will be measured."""

from __future__ import annotations

from typing import Literal

from auditlens.stages.base import Stage
from auditlens.stages.protocol import ProtocolState
from auditlens.stages.sets import PlannedSets
from auditlens.stages.states import Severity
from auditlens.stages.subgroups import PlannedStrata


class PlannedGate(Stage):
    """One gate after `each` has been expanded and defaults have been filled in."""

    id: str
    """`name` or `name[artefact]`; unique in the plan."""
    name: str
    metric: str
    class_name: str
    artefact: str | None = None
    concept: str | None = None
    from_class: str | None = None
    """For decision flips: true class, rightly called on the clean image."""
    to_class: str | None = None
    true_class: str | None = None
    """For effects: restrict to images of this class; None means all images."""
    within: dict[str, str] = {}
    """Column -> value: restrict to images of this subgroup."""
    min_units: int = 0
    """Units below which the gate cannot hold, whatever its interval; set within subgroups."""
    relation: Literal["<=", ">=", "within"]
    bound: float
    severity: Severity
    confidence: float
    requires: tuple[str, ...] = ()
    """Ids of gates that must hold for this one to hold."""
    rationale: str = ""
    risk_id: str | None = None
    location: str | None = None
    """`file:line:col` in the spec."""
    clause: str | None = None
    """Clause of a standard or regulation that the gate speaks to."""
    tags: tuple[str, ...] = ()
    worst_subgroup: str | None = None
    """Column whose worst subgroup decides."""
    layer: str | None = None
    """Layer that is read, for metrics of the inside; None is the last one examined."""
    against: str | None = None
    """Baseline that it is compared with by paired differences; None: the value itself is judged."""


class PlannedReleased(Stage):
    """The file that ships as it was found: behaviour was measured on it."""

    file: str
    """Its name, without the folder."""
    format: str
    """Such as `ONNX`."""
    sha256: str
    """Of the file; with further files that of the lines that `sha256sum` prints for all of them."""
    data_files: tuple[str, ...] = ()
    """Further files that hold its weights."""
    runtime: str = ""
    """Package and version that ran it."""
    takes: str = ""
    """Its input, in words."""
    preprocessing: str = ""
    """One plain sentence."""
    output: str = ""
    twin: bool = False
    """Whether the spec describes its eager twin."""
    tolerance: float | None = None
    gap: float | None = None
    """Largest absolute difference of a probability between file and twin on the clean images; None without a twin."""
    worst: str = ""
    """The image with the largest gap."""
    n_compared: int = 0
    n_same: int = 0
    """Images with the same decision at the operating point."""

    @property
    def equivalent(self) -> bool:
        """Whether the twin was shown to stand for the file."""
        return self.gap is not None and self.tolerance is not None and self.gap <= self.tolerance


class PlannedModel(Stage):
    """The audited model as it was found."""

    architecture: str
    weights_sha256: str | None
    classes: tuple[str, ...]
    layers: tuple[str, ...]
    n_components: dict[str, int]
    """Components per layer."""
    n_channels: dict[str, int] = {}
    """Channels per layer, where they are fewer than the components: each is two, its positive and its negative side."""
    preprocessing: str
    """One plain sentence."""
    output: str
    decision_class: str
    threshold: float | None
    """None where no operating point is declared: the decision is argmax."""
    decision_source: str
    n_parameters: int
    reference_gap: float | None = None
    """Largest gap in probability over the reference predictions; None without any."""
    n_references: int = 0
    random_weights: bool = False
    """True where the spec names no weights."""
    released: PlannedReleased | None = None
    """The file that ships; the other entries then describe its eager twin, where there is one."""
    silenced: tuple[str, ...] = ()
    """Components that were set to zero in every pass, by name, as `component_id` writes them."""

    @property
    def identity_sha256(self) -> str | None:
        """SHA-256 of what was audited: the file that ships, else the weights."""
        return self.released.sha256 if self.released is not None else self.weights_sha256

    def channel_and_side(self, layer: str, component: int) -> tuple[int, Literal["+", "-"]]:
        """Channel of a component, and the side of it that the component is."""
        n_channels = self.n_channels.get(layer, self.n_components[layer])
        return component % n_channels, "-" if component >= n_channels else "+"

    def component_id(self, layer: str, component: int) -> str:
        """`layer:channel`, with a minus sign behind it for the negative side."""
        channel, side = self.channel_and_side(layer, component)
        return f"{layer}:{channel}{side if side == '-' else ''}"


class PlannedData(Stage):
    """The images as they were found."""

    source: str
    sha256: str
    """Hash over all image digests, labels and units, in id order."""
    n_images: int
    n_units: int
    unit_column: str | None
    class_counts: dict[str, int]
    columns: tuple[str, ...]
    n_left_out: int = 0
    """Images whose label is none of the model's classes, or outside the sample."""
    strata: PlannedStrata | None = None
    """Subgroups that every result is split by, with their counts; None where the spec declares none."""
    sets: PlannedSets = PlannedSets()
    """The audited set among others, with its role, and what was found in common with others and with lists of ids."""


class PlannedFoundation(Stage):
    """The foundation model as it was found."""

    model: str
    sha256: str | None
    dimension: int
    templates: tuple[str, ...]
    training_overlap: Literal["none", "some", "unknown"]
    training_note: str = ""
    reads_text: bool = True
    """False for encoders without words: texts then have no probe."""


class Method(Stage):
    """A choice that the tool made or took from the spec, with its reason; shown in the report."""

    name: str
    value: str
    reason: str


class AuditPlan(Stage):
    """Everything resolved."""

    spec_sha256: str
    model: PlannedModel
    data: PlannedData
    foundation: PlannedFoundation | None
    audited_classes: tuple[str, ...]
    gates: tuple[PlannedGate, ...]
    artefacts: tuple[str, ...]
    methods: tuple[Method, ...]
    seed: int
    batch_size: int
    n_threads: int
    device: str
    opinions: tuple[PlannedFoundation, ...] = ()
    """Further foundation models, whose labels are compared and decide nothing."""
    tier: str | None = None
    """Tier of the spec that ran, such as `pr`; None where none was chosen."""
    selection: tuple[str, ...] = ()
    """What `--select` and `--exclude` left, as they were written; empty where everything ran."""
    user_code: tuple[str, ...] = ()
    """Python functions of the spec that were allowed to run, as `module:function`, with the SHA-256 of their source."""
    protocol: ProtocolState | None = None
    """The lock of the spec and the look at the sealed data; None where the spec has no protocol."""
