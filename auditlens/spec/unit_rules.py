"""What `unit` of a gate says of its interval, held against what the data count as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditlens.spec.nodes import Fields, Leaf, Path, Problems, select
from auditlens.spec.references import text_at

IMAGE: Final = "image"
"""What is counted where the data name no unit."""
NEVER_AUDITED: Final = "observability"
"""Role of sets on which no gate is decided."""


def check_units(root: Fields, problems: Problems) -> None:
    """Refuse a unit that the intervals do not count.

    Parameters
    ----------
    root : Fields
        The merged document, before gates take over what others say, so that each fault is told where it is written.
    problems : Problems
    """
    counted = list(_counted(root))
    for path, node in select(root, ("gates", "*", "unit")):
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            continue  # another type is told by the validation
        for field, column in counted:
            if node.value not in _names(column):
                problems.add(node.at, path, _refusal(node.value, field, column))


def _counted(root: Fields) -> Iterator[tuple[str, str | None]]:
    """For every source of images that is audited: the field that names its unit, and the column."""
    sets = [(path, node) for path, node in select(root, ("data", "sets", "*")) if isinstance(node, Fields)]
    sources: list[Path] = (
        [path for path, node in sets if text_at(node, "role") != NEVER_AUDITED] if sets else [("data",)]
    )
    for path in sources:
        yield ".".join(map(str, (*path, "unit"))), text_at(root, *path, "unit")


def _names(column: str | None) -> tuple[str, ...]:
    return (IMAGE,) if column is None else (column, column.removesuffix("_id"))


def _refusal(unit: str, field: str, column: str | None) -> str:
    if column is None:
        return f"every image counts by itself, since {field} names no column; write it there, or unit: {IMAGE} here"
    return f"{field} is {column!r}, and that is what intervals count, not {unit!r}; write unit: {_names(column)[-1]}"
