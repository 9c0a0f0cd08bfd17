"""Which sets of images an audit read, and what they have in common, in words."""

from __future__ import annotations

from auditlens.report.wording import plural
from auditlens.stages.plan import PlannedData
from auditlens.stages.sets import ListOverlap, PlannedSet, SetOverlap, SetRole

ROLES = {
    SetRole.SEALED: "sealed test set",
    SetRole.DEVELOPMENT: "for development",
    SetRole.OBSERVABILITY: "for observability",
    SetRole.CONCEPT_EXAMPLES: "for concept examples",
}
NOT_CHECKED = "Overlap with training data: not checked, since no list of its salted ids is given."


def set_name(data: PlannedData) -> str:
    """Name the audited set with its role; empty where the spec has one set only."""
    sets = data.sets
    return "" if sets.audited is None or sets.role is None else f"{sets.audited} ({ROLES[sets.role]})"


def set_sentence(row: PlannedSet) -> str:
    """What a set is, what it was used for, and how large it is."""
    units = f", {plural(row.n_units, 'unit')} ({row.unit_column})" if row.unit_column else ""
    left_out = f"; {row.n_left_out} left out" if row.n_left_out else ""
    uses = [use for use in row.uses if f"for {use}" != ROLES[row.role]]  # what its role says already
    what = ", ".join((row.name, ROLES[row.role], *uses))
    return f"{what}: {plural(row.n_images, 'image')}{units}{left_out}"


def overlap_sentences(data: PlannedData) -> list[str]:
    """What was found in common, pair by pair and list by list; what was not checked is told too."""
    lists = [_list(row) for row in data.sets.lists] or [NOT_CHECKED]
    return [*(_pair(row) for row in data.sets.overlaps), *lists]


def _pair(row: SetOverlap) -> str:
    units = f"units not compared, {row.note}" if row.n_units is None else f"{plural(row.n_units, 'unit')} in common"
    return f"{row.first} and {row.second}: {units}; {plural(row.n_images, 'image')} in common, byte for byte."


def _list(row: ListOverlap) -> str:
    where = f" of {row.set_name}" if row.set_name else ""
    without = f"; {plural(row.n_without, 'image')} without one, not checked" if row.n_without else ""
    return (
        f"{row.file} ({plural(row.n_listed, 'salted id')}): {row.n_found} of {plural(row.n_checked, 'id')} "
        f"({row.column}){where} found in it{without}."
    )
