"""The subgroups that a spec declares, checked against the images that were found."""

from __future__ import annotations

from collections.abc import Callable

from auditlens.data.sample import DataIndex
from auditlens.data.subgroups import objection, planned_strata
from auditlens.errors import InputError, Location, nearest
from auditlens.spec.nodes import Path
from auditlens.spec.strata import Strata
from auditlens.stages.subgroups import PlannedStrata

HERE: Path = ("data", "strata")


def found_strata(declared: Strata | None, index: DataIndex, locate: Callable[[Path], Location]) -> PlannedStrata | None:
    """Fix the subgroups before a model is run; None where the spec declares none.

    Parameters
    ----------
    declared : Strata or None
    index : DataIndex
    locate : callable
        Path in the spec -> where it stands.

    Raises
    ------
    InputError
        A column that the data lacks, or whose values are no subgroups; a crossed name that is neither a class nor a
        declared column. Located in the spec.
    """
    if declared is None:
        return None
    for number, column in enumerate(declared.by):
        why = objection(index, column)
        if why is not None:
            raise InputError(f"data.strata.by: {why}", location=locate((*HERE, "by", number)))
    for number, pair in enumerate(declared.cross):
        for place, name in enumerate(pair):
            valid = (*index.classes, *declared.by) if place == 0 else declared.by
            if name not in valid:
                shown = ", ".join(valid[:12])
                raise InputError(
                    f"data.strata.cross: there is no class or column {name!r}; valid are {shown}{nearest(name, valid)}",
                    location=locate((*HERE, "cross", number, place)),
                )
    return planned_strata(index, declared.by, declared.cross, declared.min_units)
