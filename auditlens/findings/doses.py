"""Dose and response: the effect at every level, whether it grows with the dose, and the dose that breaks a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from auditlens.findings.artefacts import (
    Trials,
    directions,
    effect_estimate,
    effect_values,
    flip_estimate,
    median_energy,
)
from auditlens.findings.statistics import holm, holm_confidences, mean_effect
from auditlens.findings.statistics.many import mean_effects
from auditlens.findings.subgroups import members, trials_of
from auditlens.spec.model import AuditSpec
from auditlens.stages.doses import DoseFinding, DoseFlip, DoseLevel, DoseLimit, DoseShape, DoseStep, DoseTrials
from auditlens.stages.evidence import Evidence, Floats, Ints
from auditlens.stages.findings import Estimate
from auditlens.stages.limits import inside, outside
from auditlens.stages.plan import AuditPlan, PlannedGate

ALPHA = 0.05
EFFECTS = {"artefact_effect": "raw", "effect_minus_sham": "beyond"}
FLIPS = {"decision_flips": "raw", "decision_flips_beyond_sham": "beyond"}
"""Metrics of gates that a dose is held against, and what they read."""
UNIT = {"scale": "size", "opacity": "opacity", "count": "number of copies", "position": "way towards the centre"}
"""What the dose is, in words."""


def dose_findings(
    spec: AuditSpec, plan: AuditPlan, evidence: Evidence, trials: dict[str, Trials]
) -> tuple[DoseFinding, ...]:
    """One finding per artefact, dimension and audited class; none where the spec names no dose.

    Parameters
    ----------
    spec, plan, evidence
    trials : mapping of artefact to Trials
        Of the artefact tests; each level takes their place with its own answers.
    """
    return tuple(
        _finding(spec, plan, dose, [replace(trials[dose.artefact], raw=level) for level in dose.trials], class_name)
        for dose in evidence.doses
        for class_name in plan.audited_classes
    )


def _finding(
    spec: AuditSpec, plan: AuditPlan, dose: DoseTrials, levels: Sequence[Trials], class_name: str
) -> DoseFinding:
    first = levels[0]
    class_index = first.point.classes.index(class_name)
    kind = "beyond" if all(level.has_sham for level in levels) else "raw"
    effects = effect_matrix(levels, class_index, kind)
    slope, rank = (_mean(first, values, bounds) for values, bounds in _trends(effects, dose.levels))
    steps, shape = steps_and_shape(effects, first.units, first.raw.instances, dose.levels, slope)
    found = DoseFinding(
        artefact=dose.artefact,
        label=spec.artefacts[dose.artefact].label or dose.artefact.replace("_", " "),
        class_name=class_name,
        dimension=dose.dimension,
        n_images=int(np.unique(first.rows).size),
        n_units=int(np.unique(first.units).size),
        n_instances=int(np.unique(first.raw.instances).size),
        kind=kind,
        levels=tuple(_level(*pair, class_name) for pair in zip(dose.levels, levels, strict=True)),
        steps=steps,
        slope=slope,
        rank=rank,
        shape=shape,
        limits=tuple(
            _limit(gate, dose, levels) for gate in plan.gates if _is_about(gate, dose.artefact, class_name, plan)
        ),
    )
    return found.model_copy(update={"sentence": trend_sentence(found)})


def effect_matrix(levels: Sequence[Trials], class_index: int, kind: str) -> Floats:
    """Paired change of the class's probability, (images, levels): beyond the sham, or raw."""
    columns = []
    for level in levels:
        raw, _, beyond = effect_values(level, class_index, None, "probability")
        columns.append(raw if kind == "raw" or beyond is None else beyond)
    return np.column_stack(columns)


def _trends(effects: Floats, levels: Sequence[float]) -> list[tuple[Floats, tuple[float, float] | None]]:
    return [(slopes(effects, levels), None), (rank_correlations(effects, levels), (-1.0, 1.0))]


def slopes(effects: Floats, levels: Sequence[float]) -> Floats:
    """Least-squares slope of each image's effect on the dose, (images,): change of probability per unit of dose."""
    centred = np.asarray(levels, dtype=np.float64) - np.mean(levels)
    return np.asarray(effects @ centred / (centred**2).sum())


def rank_correlations(effects: Floats, levels: Sequence[float]) -> Floats:
    """Spearman's correlation of each image's effect with the dose, (images,), -1 to 1; 0 where nothing moves it."""
    ranks = stats.rankdata(effects, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    order = np.arange(len(levels)) - (len(levels) - 1) / 2
    size = np.sqrt((ranks**2).sum(axis=1) * (order**2).sum())
    return np.asarray(np.where(size > 0, ranks @ order / np.where(size > 0, size, 1.0), 0.0))


def _mean(trials: Trials, values: Floats, bounds: tuple[float, float] | None) -> Estimate:
    return mean_effect(
        values,
        trials.units,
        instances=trials.raw.instances,
        n_draws=trials.n_draws,
        seed=trials.seed,
        bounds=bounds,
        confidence=1 - ALPHA,
        sided="two",
    )


def steps_and_shape(
    effects: Floats, units: Ints, instances: Ints, levels: Sequence[float], slope: Estimate
) -> tuple[tuple[DoseStep, ...], DoseShape]:
    """Compare neighbouring levels on the same images (Holm over the neighbours), and name the shape of the curve.

    The trend is that of the mean slope, where its interval is clear of zero. A step against it that is clear of zero
    makes the curve not monotone; so do clear steps of both signs without a trend.
    """
    means = mean_effects(np.diff(effects, axis=1), units, instances)
    p_values = means.p_values()
    adjusted, found = holm(p_values), means.estimates(holm_confidences(p_values, 1 - ALPHA))
    signs = [_sign(row) if p < ALPHA else 0 for row, p in zip(found, adjusted, strict=True)]
    trend = _sign(slope)
    mixed = {1, -1} <= set(signs)
    against = [sign != 0 and (sign == -trend if trend else mixed) for sign in signs]
    steps = tuple(
        DoseStep(start=levels[at], end=levels[at + 1], change=row, p_adjusted=float(p), against=bad)
        for at, (row, p, bad) in enumerate(zip(found, adjusted, against, strict=True))
    )
    if any(against):
        return steps, "not monotone"
    return steps, {1: "rises", -1: "falls", 0: "no trend shown"}[trend]  # type: ignore[return-value]


def _sign(estimate: Estimate) -> int:
    """1 or -1 where the interval is clear of zero, else 0."""
    if estimate.low is None or estimate.high is None:
        return 0
    return int(estimate.low > 0) - int(estimate.high < 0)


def _level(level: float, trials: Trials, class_name: str) -> DoseLevel:
    class_index = trials.point.classes.index(class_name)
    raw, sham, beyond = (
        effect_estimate(trials, class_index, None, kind, confidence=1 - ALPHA, sided="two")
        for kind in ("raw", "sham", "beyond")
    )
    return DoseLevel(
        level=level,
        raw=raw,
        sham=sham if trials.has_sham else None,
        beyond=beyond if trials.has_sham else None,
        flips=dose_flips(trials, class_name),
        mean_area=float(trials.raw.area.mean()),
        sham_energy_ratio=median_energy(trials),
    )


def dose_flips(trials: Trials, class_name: str) -> tuple[DoseFlip, ...]:
    """Decisions that turn in both directions, with two-sided 95 % intervals."""
    found = []
    for source, target in directions(trials.point, class_name):
        rate, sham, beyond = (
            flip_estimate(trials, source, target, kind, confidence=1 - ALPHA, sided="two")
            for kind in ("raw", "sham", "beyond")
        )
        both = {"sham": sham, "beyond": beyond} if trials.has_sham else {"sham": None, "beyond": None}
        found.append(DoseFlip(from_class=source, to_class=target, rate=rate, **both))
    return tuple(found)


def _is_about(gate: PlannedGate, artefact: str, class_name: str, plan: AuditPlan) -> bool:
    """Whether a gate limits this artefact; one of a class that is not audited stands with the first that is."""
    if gate.artefact != artefact or gate.metric not in EFFECTS | FLIPS:
        return False
    audited = plan.audited_classes
    return class_name == (gate.class_name if gate.class_name in audited else audited[0])


def _limit(gate: PlannedGate, dose: DoseTrials, levels: Sequence[Trials]) -> DoseLimit:
    estimates = tuple(_as_gate_reads(gate, trials) for trials in levels)
    smallest, largest, back = against_limit(gate.relation, gate.bound, dose.levels, estimates, gate.min_units)
    found = DoseLimit(
        gate=gate.id,
        metric=gate.metric,
        relation=gate.relation,
        bound=gate.bound,
        from_class=gate.from_class,
        to_class=gate.to_class,
        true_class=gate.true_class,
        within=gate.within,
        estimates=estimates,
        smallest_outside=smallest,
        largest_inside=largest,
        back_inside=back,
        sentence="",
    )
    return found.model_copy(update={"sentence": limit_sentence(found, dose.levels)})


def _as_gate_reads(gate: PlannedGate, trials: Trials) -> Estimate:
    trials = trials_of(trials, members(trials.samples, gate.within)) if gate.within else trials
    if gate.metric in FLIPS:
        source, target = gate.from_class or "", gate.to_class or ""
        kind = FLIPS[gate.metric]
        return flip_estimate(trials, source, target, kind, confidence=gate.confidence, sided="one")
    class_index, kind = trials.point.classes.index(gate.class_name), EFFECTS[gate.metric]
    return effect_estimate(trials, class_index, gate.true_class, kind, confidence=gate.confidence, sided="one")


def against_limit(
    relation: str, bound: float, levels: Sequence[float], estimates: Sequence[Estimate], min_units: int = 0
) -> tuple[float | None, float | None, tuple[float, ...]]:
    """Find the smallest level wholly outside of a limit, the largest wholly inside below it, and those inside above it.

    Estimates on fewer than `min_units` units can break a limit, but not keep it.

    Returns
    -------
    smallest : float or None
    largest : float or None
        Of all levels where none is outside.
    back : tuple of float
    """
    out, within = [], []
    for level, row in zip(levels, estimates, strict=True):
        if row.low is None or row.high is None:
            continue
        if outside(relation, bound, row.low, row.high):
            out.append(level)
        elif inside(relation, bound, row.low, row.high) and row.n_units >= min_units:
            within.append(level)
    smallest = min(out, default=None)
    below = [level for level in within if smallest is None or level < smallest]
    return smallest, max(below, default=None), tuple(level for level in within if level not in below)


def limit_sentence(row: DoseLimit, levels: Sequence[float]) -> str:
    """Say at which tested level the limit is broken, and up to which it is kept; nothing is claimed between."""
    if all(estimate.value is None for estimate in row.estimates):
        return f"Not evaluated: {row.estimates[0].note}."
    if row.smallest_outside is None:
        said = "None of the tested levels is shown to break the limit"
    elif row.smallest_outside == levels[0]:
        said = f"The limit is broken at {levels[0]:g} or below"
    else:
        said = f"The limit is broken at {row.smallest_outside:g}, the smallest tested level that is shown to break it"
    if row.largest_inside is None:
        said += "; no smaller level is shown to keep it" if row.smallest_outside not in (None, levels[0]) else ""
        said += "; none is shown to keep it either" if row.smallest_outside is None else ""
    elif row.largest_inside == levels[-1]:
        said = f"The limit is kept up to {levels[-1]:g}, the largest level that was tested"
    else:
        said += f"; it is kept up to {row.largest_inside:g}"
    back = ", ".join(f"{level:g}" for level in row.back_inside)
    return said + (f"; at {back} it is kept again, so the order of the levels does not tell." if back else ".")


def trend_sentence(row: DoseFinding) -> str:
    """Say whether the effect grows with the dose, and by how much."""
    what = "effect beyond the sham" if row.kind == "beyond" else "effect"
    unit, trend = UNIT[row.dimension], _sign(row.slope)
    said = f"The {what} on P({row.class_name})"
    if row.shape == "no trend shown":
        return f"No trend of the {what} on P({row.class_name}) with the {unit} is shown{_between(row)}."
    if row.shape == "not monotone":
        steps = " and ".join(f"from {step.start:g} to {step.end:g}" for step in row.steps if step.against)
        told = f"it {'rises' if trend > 0 else 'falls'} on the whole, but turns" if trend else "it turns"
        return f"{said} is not monotone in the {unit}: {told} {steps}."
    turned = "no step between neighbouring levels is shown to go the other way"
    few = "; yet image by image the ranks go the other way, so few images make the trend"
    return f"{said} {row.shape} with the {unit}{_between(row)}; {turned}{few if _sign(row.rank) == -trend else ''}."


def _between(row: DoseFinding) -> str:
    """Mean effect at the two ends of the dose."""
    first, last = ((end.beyond if row.kind == "beyond" else end.raw) for end in (row.levels[0], row.levels[-1]))
    if first is None or last is None or first.value is None or last.value is None:
        return ""
    ends = f"from {first.value:+.3f} at {row.levels[0].level:g} to {last.value:+.3f} at {row.levels[-1].level:g}"
    return f", {ends}" if row.shape == "no trend shown" else f" ({ends})"
