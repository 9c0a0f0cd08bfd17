"""Which labels stand for which class of the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

WORDNET_ID: Final = re.compile(r"^(n\d{8})\b")


def label_numbers(classes: Sequence[str]) -> dict[str, int]:
    """Label -> index of its class; a class such as `n01440764 tench` also answers to its WordNet id alone."""
    short = {match[1]: index for index, name in enumerate(classes) if (match := WORDNET_ID.match(name))}
    return short | {name: index for index, name in enumerate(classes)}
