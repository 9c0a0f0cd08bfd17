"""`${env:NAME}` and `${var:NAME}`, resolved after parsing, so that no variable changes a document's structure."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from auditlens.errors import nearest
from auditlens.spec.nodes import Fields, Items, Leaf, Node, Path, Problems, fields, items
from auditlens.spec.scalars import read_scalar

_VARIABLE: Final = re.compile(r"(\$?)\$\{([^{}]*)\}")
"""`$${...}` is written for a literal `${...}`."""
_UNFINISHED: Final = re.compile(r"(?<!\$)\$\{(env|var):")
"""What is left of a variable without its closing brace, or with another one inside."""


def resolve_variables(root: Fields, variables: Mapping[str, str], problems: Problems) -> Fields:
    """Replace the variables in every value of a document; keys are left alone.

    An unquoted value is read again after the replacement, so `threshold: ${var:T}` may become a number; a quoted one
    stays text.

    Parameters
    ----------
    root : Fields
    variables : mapping of str to str
        What `--var NAME=VALUE` gave.
    problems : Problems
        Takes variables that are not set.
    """
    resolved = _Resolver(variables, problems).walk(root, ())
    assert isinstance(resolved, Fields)
    return resolved


class _Resolver:
    def __init__(self, variables: Mapping[str, str], problems: Problems) -> None:
        self._variables = variables
        self._problems = problems

    def walk(self, node: Node, path: Path) -> Node:
        """Return the tree with its variables replaced."""
        match node:
            case Items():
                found = (self.walk(item, (*path, index)) for index, item in enumerate(node.items))
                return items(tuple(found), node.at)
            case Fields():
                replaced = {key: (at, self.walk(value, (*path, key))) for key, (at, value) in node.entries.items()}
                return fields(replaced, node.at)
            case Leaf(value=str() as text) if "${" in text:
                return self._leaf(node, text, path)
            case _:
                return node

    def _leaf(self, leaf: Leaf, text: str, path: Path) -> Leaf:
        try:
            if _UNFINISHED.search(_VARIABLE.sub("", text)):
                raise ValueError("a ${...} ends with a brace and holds no other ${...}; $${...} stands for the text")
            replaced = _VARIABLE.sub(self._value, text)
            value = read_scalar(replaced) if leaf.plain else replaced
        except ValueError as error:
            self._problems.add(leaf.at, path, str(error))
            return leaf
        return Leaf(value, leaf.at, leaf.plain)

    def _value(self, match: re.Match[str]) -> str:
        escaped, inner = match.groups()
        if escaped:
            return "${" + inner + "}"
        kind, _, name = inner.partition(":")
        if kind == "env" and name:
            if name not in os.environ:  # no nearest match: the names of others are nobody's business
                raise ValueError(f"the environment variable {name} is not set")
            return _text(os.environ[name], f"the environment variable {name}")
        if kind == "var" and name:
            if name not in self._variables:
                near = nearest(name, self._variables)
                raise ValueError(f"the variable {name} has no value; give --var {name}=VALUE{near}")
            return _text(self._variables[name], f"the variable {name}")
        raise ValueError(
            f"${{{inner}}} is no variable; write ${{env:NAME}} or ${{var:NAME}}, or $${{...}} for the text"
        )


def _text(value: str, name: str) -> str:
    """Refuse bytes that are no UTF-8, which Python reads as lone surrogates."""
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ValueError(f"{name} is not UTF-8 text")
    return value
