"""What changed between versions of the spec format: one list of steps per version, each a function on the YAML tree.

Version 0 is the draft in which specs were sketched before the format was fixed; no released tool reads it.

A step takes the whole document as a round-trip tree (a mapping that keeps comments, anchors and order), changes it in
place, and says for each change what was done. A step that finds nothing to change says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from auditlens.spec.nodes import Path, dotted
from auditlens.spec.round_trip import Tree, by_id, own_keys, quoted, remove, rename, unfold, wrap

Step = Callable[[Tree], Iterator[str]]

SPELLINGS: Final = {"artifact": "artefact", "artifacts": "artefacts", "color": "colour"}


def spell_as_british(tree: Tree) -> Iterator[str]:
    """`artifacts`, `artifact` and `color` became `artefacts`, `artefact` and `colour`."""
    for path, mapping in _mappings(tree):
        if path[:2] == ("model", "arguments") or path[:3] == ("data", "generate", "arguments"):
            continue  # names of somebody else's function
        for old, new in SPELLINGS.items():
            if old in own_keys(mapping):
                rename(mapping, old, new)
                yield f"{dotted((*path, old))}: is now {new}"


def unfold_examined(tree: Tree) -> Iterator[str]:
    """`model.examined` became fields of `model` itself."""
    model = _mapping(tree, "model")
    examined = _mapping(model, "examined")
    if examined is None:
        return
    moved = list(examined)
    unfold(model, "examined")
    yield f"model.examined: {', '.join(moved)} are now fields of model"


def move_equivalence(tree: Tree) -> Iterator[str]:
    """`model.equivalence` became `model.released.tolerance`; that the decisions agree is reported in any case."""
    model = _mapping(tree, "model")
    equivalence = _mapping(model, "equivalence")
    if equivalence is None:
        return
    gap = equivalence.get("max_probability_gap")
    released = _mapping(model, "released")
    remove(model, "equivalence")
    if gap is None or released is None:
        yield "model.equivalence: is gone; how far the twin is from the released file is always measured"
        return
    released["tolerance"] = gap
    yield "model.equivalence.max_probability_gap: is now model.released.tolerance"


def drop_input_name(tree: Tree) -> Iterator[str]:
    """`model.released.input_name` is gone: a released file has one input."""
    released = _mapping(_mapping(tree, "model"), "released")
    if released is not None and "input_name" in own_keys(released):
        remove(released, "input_name")
        yield "model.released.input_name: is gone; a released file has one input"


def name_strata(tree: Tree) -> Iterator[str]:
    """`data.strata: [site]` became `data.strata: {by: [site]}`."""
    data = _mapping(tree, "data")
    if data is not None and isinstance(data.get("strata"), list):
        wrap(data, "strata", "by")
        yield "data.strata: the list is now data.strata.by"


def name_words(tree: Tree) -> Iterator[str]:
    """A concept given as a bare list of words became `{texts: [...]}`."""
    concepts: Tree = _mapping(tree, "concepts") or {}
    for name in list(concepts):
        if isinstance(concepts[name], list):
            wrap(concepts, name, "texts")
            yield f"concepts.{name}: the words are now concepts.{name}.texts"


def name_gates(tree: Tree) -> Iterator[str]:
    """The list of gates, each with an `id`, became a mapping by that name."""
    gates = tree.get("gates")
    if isinstance(gates, list):
        taken = by_id(gates)
        if taken is not None:
            tree["gates"] = taken
            yield "gates: the list is now a mapping by id"


def write_limits(tree: Tree) -> Iterator[str]:
    """`max: 0.02` and `min: 0.9` of a gate became `limit: "<= 0.02"` and `limit: ">= 0.9"`."""
    for name, gate in (_mapping(tree, "gates") or {}).items():
        for old, sign in (("max", "<="), ("min", ">=")):
            if isinstance(gate, dict) and old in own_keys(gate) and "limit" not in gate:
                gate[old] = quoted(f"{sign} {gate[old]}")
                rename(gate, old, "limit")
                yield f"gates.{name}.{old}: is now limit"


MIGRATIONS: Final[Mapping[int, tuple[Step, ...]]] = {
    0: (
        spell_as_british,
        unfold_examined,
        move_equivalence,
        drop_input_name,
        name_strata,
        name_words,
        name_gates,
        write_limits,
    ),
}
"""Version -> the steps that make it the next one."""


def _mapping(tree: Tree, key: str) -> Tree | None:
    found = tree.get(key) if isinstance(tree, dict) else None
    return found if isinstance(found, dict) else None


def _mappings(node: Tree, path: Path = (), seen: set[int] | None = None) -> Iterator[tuple[Path, Tree]]:
    """Walk all mappings, each once, however many aliases lead to it."""
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, dict):
        yield path, node
        for key in own_keys(node):
            yield from _mappings(node[key], (*path, str(key)), seen)
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _mappings(item, (*path, index), seen)
