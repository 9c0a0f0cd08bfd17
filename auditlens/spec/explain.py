"""pydantic's errors, translated: at a place of the document, what is wrong, what is valid, and the nearest match."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from auditlens.errors import nearest
from auditlens.spec.artefacts import ArtefactBase
from auditlens.spec.nodes import MOST_FAULTS, TOO_MANY, Fields, Path, Problems, child, place, plain
from auditlens.spec.other_names import instead, instead_of
from auditlens.spec.scalars import described
from auditlens.spec.shape import (
    PARTS_OF_DEFAULTS,
    annotations_at,
    field_at,
    field_names,
    in_words,
    kinds_of,
    listed,
    models_at,
)

_PATTERNS: Final = {
    "^[0-9a-f]{64}$": "a SHA-256 as 64 digits 0-9 a-f in lower case",
    "^[A-Za-z][A-Za-z0-9_.-]*$": "a name of letters, digits, '_', '.', '-' that begins with a letter",
    r"\S": "text that is not blank",
    r"^[\w.]+:\w+$": "'module:function'",
    r"^((torchvision|timm):\S+|python:[\w.]+:\w+|huggingface:.+)$": (
        "'torchvision:NAME', 'timm:NAME', 'huggingface:FOLDER' or 'python:module:factory'"
    ),
}
_BOUNDS: Final = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_WRONG_TYPE: Final = re.compile(
    r"(string|int|float|bool|tuple|list|dict|model|date|datetime|finite_number)(_\w*)?_(type|parsing|from_float|size)"
    r"|date_from_datetime_\w+|(literal|enum)(_error)?|model_attributes_type|recursion_loop"
)


@dataclass(frozen=True, slots=True)
class _Fault:
    """One error at a path of the document; `whole_union` where it speaks for one member of a union only."""

    path: Path
    kind: str
    sentence: str
    union: Path | None


def explain(error: ValidationError, root: Fields, problems: Problems, *, below: Path = ()) -> None:
    """Add every error of a validation to the problems.

    Parameters
    ----------
    error : ValidationError
    root : Fields
        The merged document with its places.
    problems : Problems
    below : tuple of str and int
        Path of the part that was validated; the whole document by default.
    """
    document = plain(root)
    found = error.errors(include_url=False, include_input=False)
    if len(found) > MOST_FAULTS:
        problems.add(place(root, below), below, TOO_MANY)
    rows = [dict(row) | {"loc": (*below, *row["loc"])} for row in found[:MOST_FAULTS]]
    faults = [_fault(row, root, document) for row in rows]
    for fault in _one_per_union(faults, document):
        if fault.kind == "missing" and fault.path[:2] in problems.incomplete:
            continue
        key = fault.kind in ("extra_forbidden", "bad_key", "missing")
        problems.add(place(root, fault.path, key=key), fault.path, fault.sentence)


def _fault(row: Mapping[str, Any], root: Fields, document: Any) -> _Fault:
    path, union = _document_path(row["loc"], root)
    kind = "bad_key" if row["loc"][-1:] == ("[key]",) else row["type"]
    if kind in ("missing", "extra_forbidden") and path[-1:] != row["loc"][-1:]:
        path = (*path, row["loc"][-1])
    told_at = (*path, "kind") if kind == "union_tag_invalid" else path
    return _Fault(told_at, kind, _sentence(kind, path, row, document), union)


def _document_path(loc: tuple[str | int, ...], root: Fields) -> tuple[Path, Path | None]:
    """Keep the steps that exist in the document; pydantic adds labels of union members, which do not."""
    path: Path = ()
    union: Path | None = None
    node: Any = root
    for position, step in enumerate(loc):
        found = child(node, step)
        is_tag = len(path) == 2 and path[0] == "artefacts" and position == 2 and path not in PARTS_OF_DEFAULTS
        if found is None or is_tag:
            union = path if not is_tag and position < len(loc) else union
            continue
        path, node = (*path, step), found[1]
    return path, union


def _one_per_union(faults: Iterable[_Fault], document: Any) -> list[_Fault]:
    """A value that fits no member of a union gives one error per member; keep one that speaks for all."""
    by_union: dict[Path | None, list[_Fault]] = defaultdict(list)
    for fault in faults:
        by_union[fault.union if fault.kind not in ("missing", "extra_forbidden") else None].append(fault)
    kept = by_union.pop(None, [])
    for union, members in by_union.items():
        deeper = [fault for fault in members if len(fault.path) > len(union or ())]
        kept += deeper or [members[0]]
    return kept


def _sentence(kind: str, path: Path, row: Mapping[str, Any], document: Any) -> str:
    context = row.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(path, document)
    if kind == "missing":
        return _missing(path, document)
    if kind == "bad_key":
        return f"{path[-1]!r} is no valid name; write {_PATTERNS['^[A-Za-z][A-Za-z0-9_.-]*$']}, at most 80 of them"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _artefact_kind(path, document)
    if kind == "string_pattern_mismatch":
        valid = _PATTERNS.get(context["pattern"], f"of the form {context['pattern']}")
        return f"must be {valid}; {_found(path, document)}{_written_hash(path)}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must be {words} {context[name]:g}; {_found(path, document)}"
    return _other(kind, path, row, document)


def _other(kind: str, path: Path, row: Mapping[str, Any], document: Any) -> str:
    context = row.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind in ("string_too_short", "too_short"):
        return "must not be empty"
    if kind in ("string_too_long", "too_long"):
        return f"is too long; at most {context.get('max_length')}"
    if _WRONG_TYPE.fullmatch(kind):
        return _wrong_type(path, document, context)
    message = str(row["msg"])
    return message[:1].lower() + message[1:]


def _wrong_type(path: Path, document: Any, context: Mapping[str, Any]) -> str:
    annotations = annotations_at(path, document)
    if len(models_at(path, document)) > 1:
        return _artefact_kind(path, document)
    valid = in_words(annotations) if annotations else str(context.get("expected", "of another type"))
    value = _value(path, document)
    near = nearest(value, re.findall(r"'([^']*)'", valid)) if isinstance(value, str) else ""
    only_text = set(annotations) <= {str, type(None)} and isinstance(value, int | float)
    told = instead_of(path, value)
    if told:
        return f"there is no {value!r}; {told}"
    return f"must be {valid}; {_found(path, document)}{near}{'; put it in quotes' if only_text else ''}"


def _unknown(path: Path, document: Any) -> str:
    told = instead(path)
    if told:
        return f"there is no such field; {told}"
    valid = [name for model in models_at(path[:-1], document) for name in field_names(model)]
    names = list(dict.fromkeys(valid))
    kinds = _kinds_with({path[-1]}) if path[0] == "artefacts" and len(path) == 3 else []
    others = f"; kinds that have it: {', '.join(kinds)}" if kinds else ""
    return f"there is no such field; valid are {', '.join(names)}{others or nearest(str(path[-1]), names)}"


def _missing(path: Path, document: Any) -> str:
    info = field_at(path, document)
    if info is None:
        return f"the list is too short; it must be {in_words(annotations_at(path[:-1], document))}"
    about = f": {info.description.rstrip('.')}" if info.description else ""
    return f"this field is required{about}"


def _artefact_kind(path: Path, document: Any) -> str:
    kinds = _kinds_with(set())
    value = _value(path, document)
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind is None:
        own = set(value or ()) - set(ArtefactBase.model_fields) if isinstance(value, dict) else set()
        fitting = _kinds_with(own) if own else []
        with_them = f"with {', '.join(sorted(map(str, own)))} it is " if fitting else ""
        return f"an artefact needs a kind: {with_them}{listed(fitting) if fitting else ', '.join(kinds)}"
    return f"{described(kind)} is no kind of artefact; valid are {', '.join(kinds)}{nearest(str(kind), kinds)}"


def _kinds_with(names: set[str | int]) -> list[str]:
    """List the kinds of artefact that have all of these fields."""
    models = models_at(("artefacts", ""), {})
    return [kind for model in models if names <= set(field_names(model)) for kind in kinds_of(model)]


def _written_hash(path: Path) -> str:
    """Say who writes a hash, so that nobody types one; those of waivers and reviews are not of files of the spec."""
    return "; leave it out, and `auditlens plan SPEC --write-hashes` writes it" if path[-1:] == ("sha256",) else ""


def _found(path: Path, document: Any) -> str:
    return f"found {described(_value(path, document))}"


def _value(path: Path, document: Any) -> Any:
    value = document
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value
