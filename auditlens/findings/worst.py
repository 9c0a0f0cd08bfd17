"""The worst of a column's subgroups as one gate, with bounds that allow for having picked it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from auditlens.findings.inside_metrics import adjusted
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate


def worst_of(gate: PlannedGate, values: tuple[str, ...], measure: Callable[[PlannedGate], Estimate]) -> Estimate:
    """Measure a gate within every subgroup and return the worst.

    With a limit `<= x` the worst is the largest value. Its upper bound is the largest of the subgroups' own upper
    bounds, without a correction: the true worst exceeds it only where the bound of its own subgroup fails. Its lower
    bound is the largest of the lower bounds at a confidence that lets all of them hold at once (Bonferroni), since the
    subgroup that looks worst was picked for it. With `>= x` the same, mirrored.

    A subgroup without an estimate leaves the gate without one: its worst may be there.

    Parameters
    ----------
    gate : PlannedGate
        With `worst_subgroup`, the column.
    values : tuple of str
        The column's values.
    measure : callable
        Measures a gate within one subgroup.
    """
    column = gate.worst_subgroup or ""
    places = {value: gate.model_copy(update={"within": {**gate.within, column: value}}) for value in values}
    own = {value: measure(place) for value, place in places.items()}
    bare = next((value for value, row in own.items() if row.value is None or row.low is None or row.high is None), None)
    if bare is not None or not own:
        why = f"there is no interval within {column} {bare}: {own[bare].note}" if bare else f"{column} has no values"
        return Estimate(value=None, confidence=gate.confidence, sided="one", note=why.removesuffix(": "))
    level = adjusted(gate.confidence, len(values))
    careful = {value: measure(place.model_copy(update={"confidence": level})) for value, place in places.items()}
    return _joined(gate, own, careful)


def _joined(gate: PlannedGate, own: Mapping[str, Estimate], careful: Mapping[str, Estimate]) -> Estimate:
    upwards = gate.relation == "<="
    pick = max if upwards else min

    def ends(rows: Mapping[str, Estimate], end: str) -> list[float]:
        return [getattr(row, end) for row in rows.values()]

    worst = pick(own, key=lambda value: own[value].value or 0.0)
    found = own[worst]
    said = f"worst in {gate.worst_subgroup} {worst}, of {len(own)} subgroups"
    return found.model_copy(
        update={
            "low": pick(ends(careful if upwards else own, "low")),
            "high": pick(ends(own if upwards else careful, "high")),
            "n_units": min(row.n_units for row in own.values()),
            "unseen": max(row.unseen for row in own.values()),
            "too_few": any(row.too_few for row in own.values()),
            "method": f"{found.method}; the bound towards the limit allows for {len(own)} subgroups (Bonferroni)",
            "note": "; ".join(filter(None, (said, found.note))),
        }
    )
