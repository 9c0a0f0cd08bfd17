"""The artefact taken out: paired changes beyond the control, and whether they oppose what putting it in does."""

from __future__ import annotations

import numpy as np

from auditlens.findings.artefacts import BOUNDS, Trials, directions, effect_values, flip_events
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.statistics import mean_effect, rate, rate_difference
from auditlens.spec.model import AuditSpec
from auditlens.stages.evidence import Evidence
from auditlens.stages.findings import ArtefactFinding, Estimate
from auditlens.stages.plan import AuditPlan
from auditlens.stages.removal import Agreement, RemovalChange, RemovalFinding, RemovalFlip, Removals


def removal_findings(
    spec: AuditSpec, plan: AuditPlan, evidence: Evidence, artefacts: tuple[ArtefactFinding, ...]
) -> tuple[RemovalFinding, ...]:
    """One line per artefact with masks and audited class, with two-sided 95 % intervals over units.

    Every image has an artefact of its own, so images and artefact instances are the same sample here.
    """
    point = OperatingPoint.of(plan.model)
    inserted = {(row.artefact, row.class_name): row for row in artefacts}
    return tuple(
        _finding(
            removals,
            _trials(spec, plan, evidence, point, removals),
            class_name,
            _label(spec, name),
            inserted.get((name, class_name)),
        )
        for name, removals in evidence.removals.items()
        for class_name in plan.audited_classes
    )


def _label(spec: AuditSpec, name: str) -> str:
    return spec.artefacts[name].label or name.replace("_", " ")


def _trials(spec: AuditSpec, plan: AuditPlan, evidence: Evidence, point: OperatingPoint, removals: Removals) -> Trials:
    n_draws = spec.challenge.n_draws
    return Trials(removals.trials, evidence.samples, evidence.predictions, point, n_draws, plan.seed)


def _finding(
    removals: Removals, trials: Trials, class_name: str, label: str, inserted: ArtefactFinding | None
) -> RemovalFinding:
    index = trials.point.classes.index(class_name)
    present: list[str | None] = [None, *(trials.point.classes[label] for label in np.unique(trials.labels))]
    shown = present if len(present) <= 12 else [None, class_name]
    changes = tuple(_change(trials, index, name, "probability") for name in shown)
    put_in = _insertion(inserted)
    agreement = agreement_of(changes[0].beyond, put_in)
    return RemovalFinding(
        artefact=removals.trials.artefact,
        label=label,
        class_name=class_name,
        n_images=len(trials.rows),
        n_units=int(np.unique(trials.units).size),
        n_masks=removals.n_masks,
        n_unflagged=removals.n_unflagged,
        n_no_mask=removals.n_no_mask,
        n_over_lesion=removals.n_over_lesion,
        n_no_room=removals.n_no_room,
        mean_area=float(trials.raw.area.mean()),
        changes=(*changes, _change(trials, index, None, "margin")),
        flips=tuple(_flip(trials, *direction) for direction in directions(trials.point, class_name)),
        inserted=put_in,
        agreement=agreement,
        sentence=sentence_of(agreement, changes[0].beyond, put_in, class_name),
    )


def _change(trials: Trials, class_index: int, true_class: str | None, scale: str) -> RemovalChange:
    rows = np.ones(len(trials.rows), dtype=bool)
    if true_class is not None:
        rows = trials.labels == trials.point.classes.index(true_class)
    parts = dict(zip(("raw", "sham", "beyond"), effect_values(trials, class_index, true_class, scale), strict=True))
    found = {
        kind: mean_effect(
            values,
            trials.units[rows],
            n_draws=trials.n_draws,
            seed=trials.seed,
            bounds=BOUNDS[kind] if scale == "probability" else None,
        )
        for kind, values in parts.items()
        if values is not None
    }
    return RemovalChange(
        true_class=true_class, scale=scale, removed=found["raw"], control=found["sham"], beyond=found["beyond"]
    )


def _flip(trials: Trials, source: str, target: str) -> RemovalFlip:
    rows, turned, by_control = flip_events(trials, source, target)
    units = trials.units[rows]
    return RemovalFlip(
        from_class=source,
        to_class=target,
        removed=rate(turned, units),
        control=rate(by_control, units),
        beyond=rate_difference(turned, by_control, units),
    )


def _insertion(finding: ArtefactFinding | None) -> Estimate | None:
    """The change of the probability over all images, beyond the sham where one was run."""
    if finding is None:
        return None
    effect = finding.effects[0]
    return effect.beyond if effect.beyond is not None else effect.raw


def agreement_of(taken_out: Estimate, put_in: Estimate | None) -> Agreement:
    """Whether taking out does the opposite of putting in; only where both intervals are clear of zero."""
    if put_in is None:
        return "not inserted"
    signs = sign_of(taken_out), sign_of(put_in)
    if 0 in signs:
        return "not clear"
    return "agrees" if signs[0] != signs[1] else "disagrees"


def sign_of(estimate: Estimate) -> int:
    """1 or -1 where the whole interval lies above or below zero, else 0."""
    if estimate.low is None or estimate.high is None:
        return 0
    return int(estimate.low > 0) - int(estimate.high < 0)


def sentence_of(agreement: Agreement, taken_out: Estimate, put_in: Estimate | None, class_name: str) -> str:
    """Say in words whether the two interventions agree; empty where there is nothing to compare with."""
    score, words = f"P({class_name})", {1: "raises", -1: "lowers", 0: "does not clearly move"}
    out, into = words[sign_of(taken_out)], words[0 if put_in is None else sign_of(put_in)]
    return {
        "agrees": f"Taking it out {out} {score}, which putting it in {into}: the two agree.",
        "disagrees": f"Taking it out {out} {score}, and so does putting it in: the two disagree. Look at the pictures: "
        "the fill, the masks, or what else differs between images with and without it.",
        "not clear": f"Putting it in {into} {score}, taking it out {out} it: whether the two agree cannot be said.",
        "not inserted": f"Taking it out {out} {score}; it was not put in, so there is nothing to compare with.",
    }[agreement]
