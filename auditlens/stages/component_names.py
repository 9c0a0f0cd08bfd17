"""Names of components as reports write them: `layer:channel`, a minus sign behind it for the negative side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

FORM: Final = re.compile(r"(?P<layer>[^\s:][^\s]*):(?P<channel>\d+)(?P<side>-?)")
"""`features.relu4:3`, `layer4.1:7-`; the channel stands behind the last colon."""


@dataclass(frozen=True, slots=True)
class ComponentName:
    """One component by name.

    Attributes
    ----------
    layer : str
    channel : int
    negative : bool
        Whether it is the negative side of a channel that is not rectified (paper, B.1).
    """

    layer: str
    channel: int
    negative: bool

    def __str__(self) -> str:
        """Write the name as it was read."""
        return f"{self.layer}:{self.channel}{'-' if self.negative else ''}"


def read_name(text: str) -> ComponentName:
    """Read one name.

    Raises
    ------
    ValueError
        It has another form.
    """
    match = FORM.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no component; write layer:channel as reports do, such as layer4.1:3, "
            "with a minus sign behind it for the negative side of a channel that is not rectified"
        )
    return ComponentName(match["layer"], int(match["channel"]), match["side"] == "-")
