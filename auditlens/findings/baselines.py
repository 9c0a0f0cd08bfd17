"""What each baseline says of the gates of this plan."""

from __future__ import annotations

from collections.abc import Mapping

from auditlens.findings.against import Against, Comparand, worse_by
from auditlens.findings.side_by_side import Run
from auditlens.plan.baselines import CHANGE
from auditlens.spec.baselines import PAIRED
from auditlens.stages.answers import Answers
from auditlens.stages.baselines import Altered, BaselineFinding, BaselineGate
from auditlens.stages.evidence import Samples
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import AuditPlan, PlannedGate
from auditlens.stages.record import AuditRecord
from auditlens.stages.verdict import GateResult

QUESTION = (
    *("metric", "class_name", "artefact", "concept", "from_class", "to_class"),
    *("true_class", "within", "layer", "confidence", "worst_subgroup"),
)
"""Fields of a planned gate in which the same question agrees; limit, severity and words may differ."""


def baseline_findings(
    plan: AuditPlan,
    against: Against,
    estimates: Mapping[str, Estimate],
    samples: Samples,
    altered: tuple[Altered, ...],
) -> tuple[BaselineFinding, ...]:
    """Describe every baseline; what differs in the model is told of the first that has a record."""
    first = next((row.name for row in against.comparands if row.original is not None), None)
    return tuple(
        _finding(plan, against, row, estimates, samples, altered if row.name == first else ())
        for row in against.comparands
    )


def _finding(
    plan: AuditPlan,
    against: Against,
    comparand: Comparand,
    estimates: Mapping[str, Estimate],
    samples: Samples,
    altered: tuple[Altered, ...],
) -> BaselineFinding:
    original = comparand.original
    if original is None:
        return BaselineFinding(name=comparand.name, why_not=comparand.why_not)
    own = tuple(gate for gate in plan.gates if gate.metric != CHANGE)
    asker = _Asker(against, comparand, comparand.run, estimates, samples) if comparand.run is not None else None
    return BaselineFinding(
        name=comparand.name,
        audit_id=str((original.spec.get("audit") or {}).get("id", "")),
        headline=original.verdict.headline,
        model_sha256=original.plan.model.identity_sha256,
        record_sha256=comparand.record_sha256,
        again=comparand.again,
        why_not=comparand.why_not,
        gates=tuple(asker.row(gate) for gate in own) if asker is not None else (),
        gone=_gone(original, plan),
        altered=altered,
    )


def _gone(original: AuditRecord, plan: AuditPlan) -> tuple[str, ...]:
    """Gates that the baseline decided and this plan has no longer; with only some selected, that says nothing."""
    if plan.selection or plan.tier is not None:
        return ()
    now = {gate.id for gate in plan.gates}
    return tuple(
        result.gate.id
        for result in original.verdict.gates
        if result.gate.id not in now and result.gate.metric != CHANGE
    )


class _Asker:
    """Asks one baseline about gates."""

    def __init__(
        self, against: Against, comparand: Comparand, run: Run, estimates: Mapping[str, Estimate], samples: Samples
    ) -> None:
        self.against, self.name, self.estimates, self.samples = against, comparand.name, estimates, samples
        self.record, self.answers = run.record, run.answers

    def row(self, gate: PlannedGate) -> BaselineGate:
        """Say what the baseline has on a gate, and how much worse this model is."""
        worse = self._worse(gate)
        if gate.against is not None:
            before = self._before(gate)
            return BaselineGate(id=gate.id, before=before, known=before is not None, worse=worse)
        found = next((result for result in self.record.verdict.gates if _same(result, gate)), None)
        if found is None:
            return BaselineGate(id=gate.id, worse=worse)
        limit = (found.gate.relation, found.gate.bound, found.gate.requires, found.gate.min_units)
        same_limit = limit == (gate.relation, gate.bound, gate.requires, gate.min_units)
        state = found.state if same_limit else None
        return BaselineGate(id=gate.id, before=found.estimate, known=True, state=state, worse=worse)

    def _worse(self, gate: PlannedGate) -> Estimate | None:
        if gate.metric not in PAIRED or self.answers is None:
            return None
        if gate.against == self.name:
            return self.estimates.get(gate.id)
        return self._compare(gate, self.against.answers, self.answers)

    def _before(self, gate: PlannedGate) -> Estimate | None:
        """The baseline's own difference to the one that the gate names; none to itself."""
        if gate.against == self.name:
            return Estimate(value=0.0, low=0.0, high=0.0, confidence=gate.confidence, sided="one", note="itself")
        other = self.against.named(gate.against or "")
        if other is None or other.run is None or other.run.answers is None or self.answers is None:
            return None
        return self._compare(gate, self.answers, other.run.answers)

    def _compare(self, gate: PlannedGate, ours: Answers, theirs: Answers) -> Estimate:
        return worse_by(gate, ours, theirs, self.against, self.samples)


def _same(result: GateResult, gate: PlannedGate) -> bool:
    return result.gate.id == gate.id and all(getattr(result.gate, name) == getattr(gate, name) for name in QUESTION)
