"""What a comparison with a baseline needs: a baseline of that name, its record, and a metric that is kept in pairs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from auditlens.errors import SpecError, nearest
from auditlens.spec.baselines import PAIRED, WHY_NOT_PAIRED
from auditlens.spec.gates import LIMIT
from auditlens.spec.nodes import Fields, Items, Leaf, Node, Problems, child, place, select
from auditlens.spec.nodes import Path as Keys
from auditlens.spec.paths import resolve
from auditlens.spec.references import names_of, text_at, valid_names

RELATIONS = ("<=", "within")
"""Worse by at most so much; or different by at most so much, either way."""


def check_baselines(root: Fields, base: Path, problems: Problems, *, check_paths: bool) -> None:
    """Check every gate that names a baseline, the change plan, and that the records are those of the spec."""
    for path, gate in select(root, ("gates", "*")):
        if isinstance(gate, Fields):
            _check_gate(root, path, gate, problems)
    if child(root, "change") is not None and "change" in names_of(root, "gates"):
        sentence = "a spec with a change plan has gates of this name; call yours otherwise"
        problems.add(place(root, ("gates", "change"), key=True), ("gates", "change"), sentence)
    if check_paths:
        for path, entry in select(root, ("baselines", "*")):
            _check_hash(root, path, entry, base, problems)


def named_baselines(gate: Node) -> list[tuple[Keys, str]]:
    """List the baselines that a gate names, each with its path below the gate."""
    found = child(gate, "against")
    if found is None:
        return []
    nodes = enumerate(found[1].items) if isinstance(found[1], Items) else [(None, found[1])]
    return [
        (("against",) if index is None else ("against", index), node.value)
        for index, node in nodes
        if isinstance(node, Leaf) and isinstance(node.value, str)
    ]


def _check_gate(root: Fields, path: Keys, gate: Fields, problems: Problems) -> None:
    names = names_of(root, "baselines")
    against = named_baselines(gate)
    for below, name in against:
        if name not in names:
            at = (*path, *below)
            sentence = f"there is no baseline {name!r}; {valid_names('baselines', names)}{nearest(name, names)}"
            problems.add(place(root, at), at, sentence)
    if not against:
        if text_at(gate, "compare") is not None:
            at = (*path, "compare")
            problems.add(place(root, at), at, "compare needs a baseline; name it in against")
        return
    metric, match = text_at(gate, "metric"), LIMIT.fullmatch(text_at(gate, "limit") or "")
    if metric is not None and metric not in PAIRED:
        at = (*path, "metric")
        why = WHY_NOT_PAIRED.get(metric, "is no metric")
        sentence = f"{metric} {why}; against takes {', '.join(PAIRED)}"
        problems.add(place(root, at), at, sentence)
    if match and match.group(1) not in RELATIONS:
        at = (*path, "limit")
        sentence = f"with against the limit is on the difference: '<= {match.group(2)}' is worse by at most so much"
        problems.add(place(root, at), at, sentence)


def _check_hash(root: Fields, path: Keys, entry: Node, base: Path, problems: Problems) -> None:
    record, wanted = text_at(entry, "record"), text_at(entry, "sha256")
    if record is None or wanted is None:
        return
    try:
        found = hashlib.sha256(record_file(resolve(record, base)).read_bytes()).hexdigest()
    except (OSError, SpecError):
        return  # check_files says what is missing
    if found != wanted.lower():
        at = (*path, "sha256")
        problems.add(place(root, at), at, f"the record has SHA-256 {found}; it is not the one that was meant")


def record_file(path: Path) -> Path:
    """The `record.json` of a run folder, or the file itself."""
    return path / "record.json" if path.is_dir() else path
