"""Put a SHA-256 into the text of a spec: by the marks of the YAML parser, so that all else stays as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import yaml

BESIDE: Final = ("weights", "file", "pretrained", "model", "record", "callable", "architecture")
"""The field that a new hash is written behind: the first of these that is there."""


def with_hash(text: str, field: Sequence[str | int], sha256: str) -> str | None:
    """Return the text with `field` set to a hash; None where the part that the field belongs to is not in this text.

    Parameters
    ----------
    text : str
        YAML.
    field : sequence of str and int
        Path, such as `("model", "sha256")`.
    sha256 : str
        Hexadecimal; written in quotes, since sixty-four digits could be read as a number.
    """
    owner = _find(yaml.compose(text, Loader=yaml.SafeLoader), field[:-1])
    if not isinstance(owner, yaml.MappingNode):
        return None
    values = {key.value: (key, value) for key, value in owner.value if isinstance(key, yaml.ScalarNode)}
    name, quoted = str(field[-1]), f'"{sha256}"'
    if name in values:
        return _replaced(text, *values[name], quoted)
    beside = next((values[other] for other in BESIDE if other in values), None)
    if beside is None:
        return None
    key, value = beside
    if owner.flow_style:
        end = value.end_mark.index
        return f"{text[:end]}, {name}: {quoted}{text[end:]}"
    return _below(text, key.start_mark.column, value.end_mark.index, f"{name}: {quoted}")


def _replaced(text: str, key: yaml.Node, old: yaml.Node, quoted: str) -> str:
    """Put a value into the place of another, which may be nothing: `sha256:`, or `{sha256}` in braces."""
    start, end = old.start_mark.index, old.end_mark.index
    if start < end:
        return f"{text[:start]}{quoted}{text[end:]}"
    behind = key.end_mark.index
    colon = behind + len(text[behind:]) - len(text[behind:].lstrip(" "))
    if text[colon : colon + 1] == ":":
        return f"{text[: colon + 1]} {quoted}{text[colon + 1 :]}"
    return f"{text[:behind]}: {quoted}{text[behind:]}"


def _find(node: yaml.Node | None, path: Sequence[str | int]) -> yaml.Node | None:
    for step in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step] if step < len(node.value) else None
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        else:
            return None
    return node


def _below(text: str, column: int, end: int, line: str) -> str:
    """Insert a line below the one in which a value ends, so that a comment behind the value stays with it.

    A block scalar (`|`, `>`) ends at the start of the line behind it.
    """
    newline = next((sign for sign in ("\r\n", "\n", "\r") if sign in text), "\n")
    at_start = end > 0 and text[end - 1] == newline[-1]
    stop = end if at_start else text.find(newline[-1], end)
    if stop < 0:
        return f"{text}{newline}{' ' * column}{line}{newline}"
    stop = stop if at_start else stop + 1
    return f"{text[:stop]}{' ' * column}{line}{newline}{text[stop:]}"
