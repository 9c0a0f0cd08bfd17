"""The shape of the spec's types: which fields are valid at a path, and what a type is called in plain words."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from auditlens.spec.artefacts import ArtefactDefaults
from auditlens.spec.gates import GateDefaults
from auditlens.spec.model import AuditSpec
from auditlens.spec.nodes import Path

PARTS_OF_DEFAULTS: dict[Path, type[BaseModel]] = {
    ("gates", "defaults"): GateDefaults,
    ("artefacts", "defaults"): ArtefactDefaults,
}
"""Entries that hold defaults for all others beside them."""
_WORDS = {
    str: "text",
    SecretStr: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    date: "a date such as 2027-03-31",
    type(None): "null",
}


def field_names(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Map the names that a spec uses (`class`, not `class_`) to the fields of a model."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Unfold a union, looking through `Annotated`."""
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(inner for part in get_args(annotation) for inner in alternatives(part))
    return (annotation,)


def annotations_at(path: Path, document: Any) -> tuple[Any, ...]:
    """Find the types that the value at a path may have, unions unfolded; none where no field is there.

    Parameters
    ----------
    path : tuple of str and int
    document : dict
        The document, where the `kind` of an artefact decides which of its types applies.
    """
    annotations: tuple[Any, ...] = (AuditSpec,)
    value = document
    for depth, step in enumerate(path):
        defaults = PARTS_OF_DEFAULTS.get(path[: depth + 1])
        if defaults is not None:
            annotations, value = (defaults,), _entry(value, step)
            continue
        annotations = tuple(_step(_of_kind(annotations, value), step))
        value = _entry(value, step)
    return _of_kind(annotations, value)


def models_at(path: Path, document: Any) -> tuple[type[BaseModel], ...]:
    """Find the model(s) that describe the mapping at a path."""
    return tuple(part for part in annotations_at(path, document) if _is_model(part))


def _of_kind(annotations: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    kind = value.get("kind") if isinstance(value, dict) else None
    fitting = tuple(part for part in annotations if _is_model(part) and kind in kinds_of(part))
    return fitting or annotations


def _entry(value: Any, step: str | int) -> Any:
    try:
        return value[step]
    except (KeyError, IndexError, TypeError):
        return None


def _step(annotations: tuple[Any, ...], step: str | int) -> Iterator[Any]:
    for annotation in annotations:
        if _is_model(annotation):
            info = field_names(annotation).get(str(step))
            yield from alternatives(info.annotation) if info else ()
        elif get_origin(annotation) is dict:
            yield from alternatives(get_args(annotation)[1])
        elif get_origin(annotation) is tuple:
            yield from alternatives(get_args(annotation)[0])


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def kinds_of(model: type[BaseModel]) -> tuple[str, ...]:
    """List the kinds of artefact that a model describes; none for other parts of the spec."""
    info = model.model_fields.get("kind")
    return get_args(info.annotation) if info else ()


def in_words(annotations: Any) -> str:
    """Say what a type accepts: `text`, `text or a list of text`, `'mean' or 'max'`.

    Parameters
    ----------
    annotations : type or tuple of types
    """
    parts = annotations if isinstance(annotations, tuple) else (annotations,)
    words = [word for part in parts for single in alternatives(part) for word in _one_in_words(single)]
    words = sorted(dict.fromkeys(words), key=lambda word: (word == "null") + 2 * word.startswith("a list"))
    return listed(words)


def listed(words: list[str]) -> str:
    """Join words: `a`, `a or b`, `a, b or c`."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _one_in_words(annotation: Any) -> list[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return [repr(value) for value in arguments]
    if hasattr(annotation, "__members__"):
        return [repr(str(member)) for member in annotation]
    if origin is tuple:
        inner = in_words(arguments[0])
        if arguments[-1] is not Ellipsis:
            return [f"a list of {len(arguments)}, each {inner}"]
        return [f"a list, each {inner}" if inner.startswith(("a ", "an ")) else f"a list of {inner}"]
    if origin is dict:
        return [f"a mapping of names to {in_words(arguments[1])}"]
    if _is_model(annotation):
        return [f"a mapping with {', '.join(field_names(annotation))}"]
    return [_WORDS.get(annotation, "any value")]


def field_at(path: Path, document: Any) -> FieldInfo | None:
    """Find the description of the field that a path names, or None where it is no field of a model."""
    for model in models_at(path[:-1], document):
        info = field_names(model).get(str(path[-1]))
        if info:
            return info
    return None
