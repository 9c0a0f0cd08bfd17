"""Whether the shortcut is in the data: how often an artefact comes with a class."""

from __future__ import annotations

from typing import Literal

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate


class PrevalenceFinding(Stage):
    """How often the images of one class carry an artefact, against the images of the other classes."""

    artefact: str
    class_name: str
    source: Literal["flag", "score"]
    """`flag`: people said where the artefact is. `score`: alignment of the whole images with its concept."""
    by: str
    """The column, or the concept whose score it is."""
    rates: dict[str, Estimate] = {}
    """P(artefact | class) for every class; empty by score, and with more than 20 classes."""
    inside: Estimate | None = None
    """P(artefact | class)."""
    outside: Estimate | None = None
    """P(artefact | any other class)."""
    difference: Estimate
    """By flag: `inside` minus `outside`. By score: difference of the mean scores, in standard deviations within the
    two groups. Two-sided 95 %."""
    class_given: Estimate | None = None
    """P(class | artefact) in the data; by flag."""
    class_overall: float | None = None
    """P(class) among the images whose flag is known; by flag."""
    n_unknown: int = 0
    """Images whose flag is empty; they are left out."""
    conclusion: Literal["in the data", "as frequent", "undecided", "too few"]
    sentence: str
