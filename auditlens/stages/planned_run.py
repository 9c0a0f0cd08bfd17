"""PlannedRun: what a run would do, on what, at which cost, and what its gates can decide; no model was run for it."""

from __future__ import annotations

from typing import Literal

from auditlens.stages.base import Stage
from auditlens.stages.plan import AuditPlan, PlannedGate
from auditlens.stages.subgroups import Stratum

Runs = Literal["audited", "released", "foundation"]
"""Which model: the one whose inside is examined, the file that ships, or the foundation model."""


class Span(Stage):
    """A count or an amount that lies between two ends; equal where it is known."""

    low: float
    high: float

    def __add__(self, other: Span) -> Span:
        """Add end by end."""
        return Span(low=self.low + other.low, high=self.high + other.high)

    def times(self, low: float, high: float) -> Span:
        """Multiply by a factor that lies between two ends."""
        return Span(low=self.low * low, high=self.high * high)

    @property
    def known(self) -> bool:
        """Whether both ends are equal."""
        return self.low == self.high


NOTHING = Span(low=0, high=0)


class PlannedStep(Stage):
    """One stage of the run."""

    title: str
    """As the progress display names it."""
    stage: str
    """Its folder in the store."""
    model: Runs
    items: Span
    """Images, trials or crops that the stage is about."""
    n_stored: int
    """Of them in the store already."""
    left: Span
    """Of them still to be computed."""
    forward: Span
    """Forward passes, one image each, over all items."""
    backward: Span
    """Backward passes, one image and one class or component each, over all items."""
    forward_left: Span
    backward_left: Span
    seconds: Span
    """Estimated for what is left."""
    seconds_anew: Span = NOTHING
    """Estimated for all of it, as if nothing were stored."""
    measured: bool
    """Whether the seconds rest on an earlier run, not on an assumption."""
    note: str = ""

    @property
    def cached(self) -> bool:
        """Whether nothing is left."""
        return self.left.high == 0


class PlannedPart(Stage):
    """What a run takes beside its stages, whatever is stored."""

    name: Literal["loading", "between", "judging", "reports", "baselines"]
    title: str
    seconds: Span
    measured: bool
    """Whether the seconds rest on an earlier run, not on an assumption."""


class PlannedCost(Stage):
    """Estimated time and memory of what is left."""

    seconds: Span
    """Of the stages that are left and of all parts."""
    parts: tuple[PlannedPart, ...] = ()
    time_basis: str
    """What the estimate rests on, in words."""
    gigabytes: Span
    memory_basis: str


class PlannedArtefact(Stage):
    """One artefact, and the images that it would go into."""

    name: str
    label: str
    kind: str
    n_instances: int | None
    """None for a transplant: they are made by the audited model."""
    sham: bool
    doses: dict[str, tuple[float, ...]] = {}
    n_images: int
    n_units: int
    n_by_class: dict[str, int]
    n_left_out: int
    """Images that it may not go into."""
    pictures_sha256: str | None
    """Digest of the files and settings that its pictures are made of."""
    at_most: bool = False
    """True where a score decides which images are clean of it: then the counts are the most there can be."""


class FoundHash(Stage):
    """A file or folder of the spec with its SHA-256, and what the spec says of it."""

    field: str
    """Path in the spec, such as `model.sha256`."""
    what: str
    sha256: str
    declared: str | None
    """As the spec has it; None where it has none."""

    @property
    def agrees(self) -> bool:
        """Whether the spec says nothing else."""
        return self.declared in (None, self.sha256)


class ForeseenStratum(Stage):
    """What one subgroup's number of units can decide for a gate."""

    stratum: Stratum
    n_images: int
    n_units: int
    can_hold: bool | None
    sentence: str


class ForeseenGate(Stage):
    """What the number of units can decide, whatever the model does."""

    gate: PlannedGate
    n_images: int
    n_units: int
    can_hold: bool | None
    """Whether the best possible outcome would hold; None where no number of images decides the gate."""
    can_fail: bool | None
    """Whether the worst possible outcome would fail."""
    smallest: float | None = None
    """Smallest limit (for `>=` the largest) that so many units could hold at the best outcome."""
    needed: int | None = None
    """Fewest units with which the gate could hold at the best outcome; None where it could, or where none suffice."""
    nothing_to_read: bool = False
    """Whether it cannot be evaluated at all, so that it cannot hold for another reason than n."""
    sentence: str
    strata: tuple[ForeseenStratum, ...] = ()

    @property
    def undecidable(self) -> bool:
        """Whether the gate cannot hold at any outcome, here or in a subgroup that it names."""
        return self.can_hold is False


class PlannedRun(Stage):
    """What `auditlens plan` shows."""

    audit_id: str
    plan: AuditPlan
    n_references: int = 0
    """Reference predictions that the model must meet first."""
    artefacts: tuple[PlannedArtefact, ...]
    steps: tuple[PlannedStep, ...]
    cost: PlannedCost
    gates: tuple[ForeseenGate, ...]
    """Those that cannot hold first."""
    hashes: tuple[FoundHash, ...]
    notes: tuple[str, ...] = ()

    @property
    def cached(self) -> bool:
        """Whether everything that a model would compute is in the store."""
        return all(step.cached for step in self.steps)

    @property
    def forward(self) -> Span:
        """Forward passes of all models, cached or not."""
        return sum((step.forward for step in self.steps), start=NOTHING)
