"""Two or more audits side by side: what each found, and how far each lies from the first (method.md, definition 10)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from auditlens.findings import differences
from auditlens.findings.compared_artefacts import compared_artefacts
from auditlens.findings.compared_inside import compared_classes
from auditlens.findings.compared_separability import compared_separability
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.plan_differences import plan_differences
from auditlens.findings.side_by_side import FIRST, NOT_KEPT, Run, apart, has_value, values
from auditlens.stages.comparison import ComparedGate, ComparedRow, ComparedRun, Comparison, Measure, PlanDifference
from auditlens.stages.findings import Estimate
from auditlens.stages.verdict import GateResult


def compare_runs(runs: Sequence[Run]) -> Comparison:
    """Set audits side by side; differences are to the first.

    Parameters
    ----------
    runs : sequence of Run
        At least two, with different names.

    Returns
    -------
    Comparison
        Differences are paired by image, instance and unit where both runs put the same pictures before their models;
        else they are of independent estimates, and said to be so. Each interval is at 95 % by itself.
    """
    differing = plan_differences([run.record for run in runs])
    performance, pairing = _performance(runs)
    return Comparison(
        runs=tuple(_run(run) for run in runs),
        differing=differing,
        warnings=_warnings(runs, differing),
        performance=performance,
        performance_pairing=pairing,
        gates=_gates(runs),
        artefacts=compared_artefacts(runs),
        classes=compared_classes(runs),
        separability=compared_separability(runs),
    )


def _run(run: Run) -> ComparedRun:
    plan, audit = run.record.plan, run.record.spec.get("audit") or {}
    return ComparedRun(
        name=run.name,
        audit_id=str(audit.get("id", "")),
        title=str(audit.get("title", "")),
        headline=run.record.verdict.headline,
        exit_code=int(run.record.verdict.exit_code),
        architecture=plan.model.architecture,
        model_sha256=plan.model.identity_sha256,
        decision=OperatingPoint.of(plan.model).sentence,
        data_sha256=plan.data.sha256,
        n_images=plan.data.n_images,
        n_units=plan.data.n_units,
        record_sha256=hashlib.sha256(run.record.to_json().encode()).hexdigest(),
        keeps_answers=run.answers is not None,
    )


def _warnings(runs: Sequence[Run], differing: Sequence[PlanDifference]) -> tuple[str, ...]:
    """What a reader must know before reading any difference."""
    said = [f"Different {row.what}: {row.consequence}." for row in differing if not row.expected and row.consequence]
    settings = [row.what for row in differing if not row.expected and not row.consequence]
    if settings:
        said.append(f"Different settings of the spec: {', '.join(settings)}.")
    without = [run.name for run in runs if run.answers is None]
    if without:
        verb = "keeps" if len(without) == 1 else "keep"
        said.append(f"{', '.join(without)} {verb} no answers by image, so differences have no intervals: audit again.")
    return tuple(said)


def _performance(runs: Sequence[Run]) -> tuple[tuple[ComparedRow, ...], tuple[str, ...]]:
    pairing = (FIRST, *(_clean_pairing(runs[0], run) for run in runs[1:]))
    measures: tuple[Measure, ...] = ("sensitivity", "specificity", "auroc", "accuracy")
    rows = []
    for measure in measures:
        found = [getattr(run.record.findings.performance, measure, None) for run in runs]
        if any(has_value(estimate) for estimate in found):
            rows.append(_performance_row(runs, measure, found, pairing))
    return tuple(rows), pairing


def _clean_pairing(first: Run, other: Run) -> str:
    if first.answers is None or other.answers is None:
        return NOT_KEPT
    ours, theirs = first.clean(), other.clean()
    if ours is None or theirs is None or ours.class_name != theirs.class_name:
        return "the operating point is of another class"
    return differences.PAIRED if differences.clean_paired(ours, theirs) else "the runs saw different images"


def _performance_row(
    runs: Sequence[Run], measure: Measure, found: Sequence[Estimate | None], pairing: Sequence[str]
) -> ComparedRow:
    def differ(place: int) -> Estimate:
        ours, theirs = runs[0].clean(), runs[place].clean()
        if pairing[place] != differences.PAIRED or ours is None or theirs is None:
            return apart(runs, place, found, (-1.0, 1.0))
        return differences.clean_difference(measure, ours, theirs, runs[0].independent)

    kind = "score" if measure == "auroc" else "percent"
    return ComparedRow(measure=measure, kind=kind, values=values(found, differ))


def _gates(runs: Sequence[Run]) -> tuple[ComparedGate, ...]:
    by_run = [{result.gate.id: result for result in run.record.verdict.gates} for run in runs]
    return tuple(
        _gate(name, [results.get(name) for results in by_run])
        for name in dict.fromkeys(name for results in by_run for name in results)
    )


def _gate(name: str, results: Sequence[GateResult | None]) -> ComparedGate:
    known = [result for result in results if result is not None]
    asked = {result.gate.model_dump_json(exclude={"location", "rationale", "risk_id", "requires"}) for result in known}
    notes = ["the gate is not the same in all runs"] if len(asked) > 1 else []
    notes += ["not in all runs"] if len(known) < len(results) else []
    return ComparedGate(
        id=name,
        metric=known[0].gate.metric,
        limits=tuple("" if one is None else f"{one.gate.relation} {one.gate.bound:g}" for one in results),
        states=tuple(None if one is None else one.state for one in results),
        waived=tuple(one is not None and one.waived for one in results),
        estimates=tuple(None if one is None else one.estimate for one in results),
        note="; ".join(notes),
    )
