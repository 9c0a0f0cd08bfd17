"""Gates within subgroups: one value named by `within`, or one gate for every value of a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditlens.errors import Location, SpecError, nearest
from auditlens.spec.gates import Gate
from auditlens.stages.plan import Method, PlannedGate
from auditlens.stages.subgroups import PlannedStrata

SHOWN = 12


def subgroups_of(gate: Gate, planned: PlannedGate, strata: PlannedStrata | None) -> Iterator[dict[str, str]]:
    """Subgroups that a gate is repeated over; a single empty one where it is not.

    Raises
    ------
    SpecError
        A value that no image has.
    """
    column = gate.each.subgroup if gate.each is not None else None
    for name in (*gate.within, *filter(None, (column, gate.worst_subgroup))):
        if strata is None or name not in strata.by:
            raise _refused(planned, f"{name!r} is no column of data.strata.by")
    for name, value in gate.within.items():
        found = strata.values(name) if strata is not None else ()
        if value not in found:
            shown = ", ".join(found[:SHOWN])
            said = f"no image has the value {value!r} in {name!r}; found are {shown}{nearest(value, found)}"
            raise _refused(planned, said)
    if column is None or strata is None:
        yield dict(gate.within)
    else:
        yield from ({**gate.within, column: value} for value in strata.values(column))


def chosen_strata(strata: PlannedStrata | None) -> tuple[Method, ...]:
    """The choice of subgroups, for the report; none without strata."""
    if strata is None:
        return ()
    value = f"{', '.join(strata.by)}: {len(strata.strata)} subgroups, from {strata.min_units} units on a gate can hold"
    return (
        Method(name="subgroups", value=value, reason="an effect that is small on average may be large in one group"),
    )


def _refused(planned: PlannedGate, said: str) -> SpecError:
    where = Location(planned.location) if planned.location else None
    return SpecError(f"gates.{planned.name}.within: {said}", location=where)


def within_subgroup(
    planned: PlannedGate, gate: Gate, subgroup: dict[str, str], strata: PlannedStrata | None
) -> PlannedGate:
    """The gate within a subgroup: its id names the value that it is repeated for, such as `missed[ruler][site=A]`."""
    if strata is None or not (subgroup or gate.worst_subgroup):
        return planned
    column = gate.each.subgroup if gate.each is not None else None
    suffix = f"[{column}={subgroup[column]}]" if column else ""
    return planned.model_copy(update={"id": planned.id + suffix, "within": subgroup, "min_units": strata.min_units})


def apart(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two subgroups share no image by their names: then a precondition of the one says nothing of the other."""
    return any(other.get(column, value) != value for column, value in one.items())
