"""Several artefacts together against the sum of their single effects, on the same images."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from auditlens.findings.artefacts import Trials, effect_values, median_energy
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.doses import dose_flips
from auditlens.findings.statistics import holm, holm_confidences
from auditlens.findings.statistics.clusters import MIN_UNITS
from auditlens.findings.statistics.crossed import crossed_means
from auditlens.findings.statistics.many import Means
from auditlens.spec.model import AuditSpec
from auditlens.stages.combinations import CombinationEvidence, CombinationFinding, Interaction
from auditlens.stages.evidence import Evidence, Floats, Ints
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import AuditPlan

ALPHA = 0.05
FEW = 30
"""Fewer units than this are said in words."""


@dataclass(frozen=True, slots=True)
class _Together:
    """One combination joined with its single artefacts, image by image, for one class."""

    members: tuple[str, ...]
    trials: Trials
    instances: Ints
    singles: tuple[Trials, ...]
    """Each artefact alone, its rows those of the combination."""
    class_index: int

    @property
    def kind(self) -> str:
        """What is compared: effects beyond the shams, or raw ones where an artefact has no sham."""
        return "beyond" if all(part.has_sham for part in (self.trials, *self.singles)) else "raw"

    def effect(self, trials: Trials, scale: str, kind: str) -> Floats:
        """Paired change of the class per image."""
        values = dict(zip(("raw", "sham", "beyond"), effect_values(trials, self.class_index, None, scale), strict=True))
        found = values[kind]
        assert found is not None  # `kind` is beyond only where all have a sham
        return found

    def alone(self, scale: str, kind: str) -> Floats:
        """Paired change by each artefact alone, (images, members)."""
        return np.column_stack([self.effect(single, scale, kind) for single in self.singles])

    def interaction(self, scale: str, kind: str) -> Floats:
        """Combination minus the sum of the single effects, per image."""
        return np.asarray(self.effect(self.trials, scale, kind) - self.alone(scale, kind).sum(axis=1))

    def means(self, *columns: Floats) -> Means:
        """Means over units and over the instances of every member."""
        by_member = [self.instances[:, place] for place in range(len(self.members))]
        return crossed_means(np.column_stack(columns), self.trials.units, by_member)


def combination_findings(spec: AuditSpec, plan: AuditPlan, evidence: Evidence) -> tuple[CombinationFinding, ...]:
    """One finding per audited class and combination that was run; none where the spec asks for none.

    The family of Holm's correction is every combination that the plan has for the class; one that could not be run
    counts as a p-value of 1.
    """
    found = evidence.combinations
    if found is None:
        return ()
    return tuple(row for name in plan.audited_classes for row in _of_class(spec, plan, evidence, found, name))


def _of_class(
    spec: AuditSpec, plan: AuditPlan, evidence: Evidence, found: CombinationEvidence, class_name: str
) -> list[CombinationFinding]:
    class_index = plan.model.classes.index(class_name)
    run = {
        members: _together(spec, plan, evidence, found, members, class_index)
        for members in found.planned
        if members in found.trials
    }
    p_values = [_p_value(run[members]) if members in run else 1.0 for members in found.planned]
    adjusted, levels = holm(p_values), holm_confidences(p_values, 1 - ALPHA)
    return [
        _finding(spec, run[members], class_name, float(p), float(level))
        for members, p, level in zip(found.planned, adjusted, levels, strict=True)
        if members in run
    ]


def _together(
    spec: AuditSpec,
    plan: AuditPlan,
    evidence: Evidence,
    found: CombinationEvidence,
    members: tuple[str, ...],
    class_index: int,
) -> _Together:
    whole = found.trials[members]
    rows = whole.trials.image_indices
    trials = Trials(
        raw=whole.trials,
        samples=evidence.samples,
        predictions=evidence.predictions,
        point=OperatingPoint.of(plan.model),
        n_draws=spec.challenge.n_draws,
        seed=plan.seed,
    )
    singles = tuple(_on_rows(trials, found, name, rows) for name in members)
    return _Together(members, trials, whole.instances, singles, class_index)


def _on_rows(like: Trials, found: CombinationEvidence, name: str, rows: Ints) -> Trials:
    """An artefact alone, on the images of a combination and in their order."""
    alone = found.trials[(name,)].trials
    place = {int(row): at for at, row in enumerate(alone.image_indices)}
    picked = np.array([place[int(row)] for row in rows])
    arrays = {
        field.name: getattr(alone, field.name)[picked]
        for field in fields(alone)
        if isinstance(getattr(alone, field.name), np.ndarray)
    }
    return replace(like, raw=replace(alone, **arrays))


def _p_value(row: _Together) -> float:
    return float(row.means(row.interaction("margin", row.kind)).p_values()[0])


def _finding(
    spec: AuditSpec, row: _Together, class_name: str, p_adjusted: float, confidence: float
) -> CombinationFinding:
    kind, alone = row.kind, row.alone("margin", row.kind)
    margin, total, *singles = row.means(row.effect(row.trials, "margin", kind), alone.sum(axis=1), *alone.T).estimates(
        1 - ALPHA
    )
    (interaction,) = row.means(row.interaction("margin", kind)).estimates(confidence)
    n_units = int(np.unique(row.trials.units).size)
    found = CombinationFinding(
        artefacts=row.members,
        labels=tuple(spec.artefacts[name].label or name.replace("_", " ") for name in row.members),
        class_name=class_name,
        n_images=int(row.trials.rows.size),
        n_units=n_units,
        margin=margin,
        singles=tuple(singles),
        sum_of_singles=total,
        interaction=interaction,
        p_adjusted=p_adjusted,
        state=_state(interaction, p_adjusted, n_units),
        flips=dose_flips(row.trials, class_name),
        mean_area=float(row.trials.raw.area.mean()),
        sham_energy_ratio=median_energy(row.trials),
        note=_note(n_units, len(row.members)),
        **_probabilities(row),
    )
    return found.model_copy(update={"sentence": combination_sentence(found)})


def _probabilities(row: _Together) -> dict[str, Estimate | None]:
    """Everything on the scale of the probability, at 95 % each, as the crossed t intervals give it."""
    kind = row.kind
    columns = {
        "raw": row.effect(row.trials, "probability", "raw"),
        "probability_sum": row.alone("probability", kind).sum(axis=1),
        "probability_interaction": row.interaction("probability", kind),
    }
    if kind == "beyond":
        columns |= {name: row.effect(row.trials, "probability", name) for name in ("sham", "beyond")}
    estimates = row.means(*columns.values()).estimates(1 - ALPHA)
    (raw_margin,) = row.means(row.interaction("margin", "raw")).estimates(1 - ALPHA)
    found: dict[str, Estimate | None] = {"sham": None, "beyond": None, "interaction_raw": raw_margin}
    return found | dict(zip(columns, estimates, strict=True))


def _state(interaction: Estimate, p_adjusted: float, n_units: int) -> Interaction:
    if n_units < MIN_UNITS or interaction.value is None or interaction.low is None:
        return "not evaluated"
    if p_adjusted >= ALPHA:
        return "no difference shown"
    return "above the sum" if interaction.value > 0 else "below the sum"


def _note(n_units: int, n_members: int) -> str:
    both = "both" if n_members == 2 else "all of them"
    if n_units < MIN_UNITS:
        return f"only {n_units} units are clean of {both}: too few to say anything"
    return f"only {n_units} units are clean of {both}" if n_units < FEW else ""


def combination_sentence(row: CombinationFinding) -> str:
    """Say what the artefacts do together, beside the sum of what each does alone."""
    names = " and ".join([", ".join(row.labels[:-1]), row.labels[-1]])
    beyond = " beyond their shams" if row.beyond is not None else ""
    if row.state == "not evaluated":
        return f"What {names} do together cannot be said: {row.note or row.interaction.note}."
    size = abs(row.interaction.value or 0.0)
    if row.state == "no difference shown":
        told = "no difference from the sum of their single effects is shown"
    else:
        word = "more" if row.state == "above the sum" else "less"
        told = f"{size:.2f} log-odds {word} than their single effects add up to"
    together, total = row.margin.value or 0.0, row.sum_of_singles.value or 0.0
    return (
        f"Together, {names} change the margin of {row.class_name} by {together:+.2f} log-odds{beyond}, "
        f"alone they add up to {total:+.2f}: {told}."
    )
