"""What refers to `data.strata`: each name is looked up, with the nearest match where it leads nowhere."""

from __future__ import annotations

from auditlens.errors import nearest
from auditlens.spec.nodes import Fields, Leaf, Path, Problems, child, place, select

BY = ("data", "strata", "by", "*")


def check_strata(root: Fields, classes: tuple[str, ...], problems: Problems) -> None:
    """Check the crossed pairs, and the columns that gates and waivers name.

    Parameters
    ----------
    root : Fields
    classes : tuple of str
        The model's classes; empty where they are not known, and then the crossed pairs wait for the data.
    problems : Problems
    """
    columns = tuple(str(node.value) for _, node in select(root, BY) if isinstance(node, Leaf))
    for section in ("gates", "waivers"):
        for path, node in select(root, (section, "*", "within")):
            for name in node.entries if isinstance(node, Fields) else ():
                _demand_column(root, (*path, name), name, columns, problems, key=True)
    for pattern in (("gates", "*", "each", "subgroup"), ("gates", "*", "worst_subgroup")):
        for path, node in select(root, pattern):
            if isinstance(node, Leaf) and isinstance(node.value, str):
                _demand_column(root, path, node.value, columns, problems)
                _not_both(root, path, node.value, problems)
    if classes:
        _check_pairs(root, classes, columns, problems)


def _demand_column(
    root: Fields, path: Path, name: str, columns: tuple[str, ...], problems: Problems, *, key: bool = False
) -> None:
    if name in columns:
        return
    valid = f"valid are {', '.join(columns)}" if columns else "the spec has no data.strata"
    sentence = f"{name!r} is no column of data.strata.by; {valid}{nearest(name, columns)}"
    problems.add(place(root, path, key=key), path, sentence)


def _not_both(root: Fields, path: Path, column: str, problems: Problems) -> None:
    """A gate that is repeated over the values of a column cannot also name one."""
    gate = root
    for step in path[:2]:
        found = child(gate, step)
        assert found is not None  # the path was found by `select`
        gate = found[1]  # type: ignore[assignment]  # inner nodes of a path are mappings
    within = child(gate, "within")
    if within and isinstance(within[1], Fields) and column in within[1].entries:
        problems.add(place(root, path), path, f"name a value of {column!r} in within, or repeat over it, not both")


def _check_pairs(root: Fields, classes: tuple[str, ...], columns: tuple[str, ...], problems: Problems) -> None:
    for path, node in select(root, ("data", "strata", "cross", "*", "*")):
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            continue
        first = path[-1] == 0
        valid = (*classes, *columns) if first else columns
        if node.value not in valid:
            kind = "neither a class nor a column of data.strata.by" if first else "no column of data.strata.by"
            sentence = f"{node.value!r} is {kind}; valid are {', '.join(valid[:12])}{nearest(node.value, valid)}"
            problems.add(place(root, path), path, sentence)
