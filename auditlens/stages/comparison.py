"""Comparison: two or more audits side by side, with intervals on the differences to the first."""

from __future__ import annotations

from typing import Literal

from auditlens.stages.base import Stage, canonical_json
from auditlens.stages.findings import Estimate
from auditlens.stages.states import GateState

COMPARISON_VERSION = 1

Kind = Literal["percent", "signed", "score"]
Measure = Literal[
    "sensitivity",
    "specificity",
    "auroc",
    "accuracy",
    "probability",
    "margin",
    "flips",
    "accuracy change",
]
Part = Literal["", "raw", "sham", "beyond"]


class ComparedRun(Stage):
    """One of the audits."""

    name: str
    audit_id: str
    title: str
    headline: str
    exit_code: int
    architecture: str
    model_sha256: str | None
    decision: str
    """Operating point in words."""
    data_sha256: str
    n_images: int
    n_units: int
    record_sha256: str
    keeps_answers: bool
    """Whether its folder has the rows from which differences are estimated."""


class PlanDifference(Stage):
    """Something that was not the same in all runs."""

    what: str
    values: tuple[str, ...]
    """One per run."""
    expected: bool
    """True for what a comparison of models is about: weights, their operating point and the audit's own names."""
    consequence: str = ""


class ComparedValue(Stage):
    """One number of one run, and its difference to the first run's."""

    estimate: Estimate | None
    """None where the run does not have it."""
    difference: Estimate | None = None
    """This run minus the first, at 95 %, two-sided; None for the first run, and where either has no number."""


class ComparedRow(Stage):
    """One number in all runs."""

    measure: Measure
    part: Part = ""
    true_class: str | None = None
    """None: all images."""
    to_class: str | None = None
    """For flips: what the device then reports."""
    kind: Kind
    values: tuple[ComparedValue, ...]
    """One per run."""


class ComparedArtefact(Stage):
    """One artefact and one class in all runs."""

    artefact: str
    label: str
    class_name: str
    rows: tuple[ComparedRow, ...]
    pairing: tuple[str, ...]
    """One per run: `first`, `paired`, or why its differences are not paired."""


class ComparedGate(Stage):
    """One gate in all runs."""

    id: str
    metric: str
    limits: tuple[str, ...]
    """One per run, such as `<= 0.15`; empty where the run has no such gate."""
    states: tuple[GateState | None, ...]
    waived: tuple[bool, ...]
    estimates: tuple[Estimate | None, ...]
    """At the gate's own confidence."""
    note: str = ""


class ComparedShare(Stage):
    """Share of relevance of one state or one label in all runs."""

    name: str
    values: tuple[ComparedValue, ...]
    n_components: tuple[int | None, ...]
    """How many components carry it, of those looked at (states) or of all (labels)."""


class ComparedClass(Stage):
    """The inside for one class in all runs, in each run's last examined layer."""

    class_name: str
    layers: tuple[str, ...]
    by_state: tuple[ComparedShare, ...]
    by_label: tuple[ComparedShare, ...]


class ComparedSeparability(Stage):
    """How well a class is told from images with spurious features only, in all runs."""

    name: str
    """The artefact, the folder, or `combined`."""
    class_name: str
    source: str
    """What the images with spurious features are made from."""
    auroc: tuple[ComparedValue, ...]
    """With the artefact, one per run."""
    drop: tuple[ComparedValue, ...]
    """What the artefact costs: AUROC without minus with it, on the same images; the measure that decides."""


class Comparison(Stage):
    """Two or more audits side by side; it decides nothing."""

    schema_version: int = COMPARISON_VERSION
    runs: tuple[ComparedRun, ...]
    differing: tuple[PlanDifference, ...]
    warnings: tuple[str, ...]
    """What a reader must know before reading any difference."""
    performance: tuple[ComparedRow, ...]
    performance_pairing: tuple[str, ...]
    gates: tuple[ComparedGate, ...]
    artefacts: tuple[ComparedArtefact, ...]
    classes: tuple[ComparedClass, ...]
    separability: tuple[ComparedSeparability, ...] = ()
    """Where the runs tested it."""

    def to_json(self) -> str:
        """The bytes of `compare.json`: canonical, one line, with a final newline."""
        return canonical_json(self.model_dump(mode="json")) + "\n"
