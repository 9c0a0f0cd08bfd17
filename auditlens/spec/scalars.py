"""Plain YAML scalars, read by the core schema of YAML 1.2.

So `yes`, `on` and `no` stay text (a class may be called "no"), `1e-3` is a number, `12:30` and `2027-03-31` are text.
"""

from __future__ import annotations

import re
from typing import Final

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT: Final = re.compile(r"[-+]?[0-9]+")
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MAX_DIGITS: Final = 40


def read_scalar(text: str) -> Scalar:
    """Read an unquoted scalar.

    Raises
    ------
    ValueError
        For infinities, "not a number", and numbers too long to be meant.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text.isascii() and text.isdecimal():  # most numbers, told without a pattern
        return _number(text)
    if _NO_NUMBER.fullmatch(text):
        raise ValueError(f"{text} is no number that a spec can use; quote it if text is meant")
    if not (_INT.fullmatch(text) or _BASED.fullmatch(text) or _FLOAT.fullmatch(text)):
        return text
    return _number(text)


def _number(text: str) -> int | float:
    if len(text) > _MAX_DIGITS:
        raise ValueError("this number is too long; quote it if text is meant")
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _INT.fullmatch(text):
        return int(text)
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError(f"{text} is too large a number; quote it if text is meant")
    return number


def described(value: object) -> str:
    """Name a value in a message: `the number 3`, `the text 'abc'`, `a list`, `nothing`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value if len(value) <= 60 else value[:57] + '...'!r}"
        case list() | tuple():
            return "a list"
        case _:
            return "a mapping"
