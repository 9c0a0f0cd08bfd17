"""The operating point: from probabilities to the class that the device reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from auditlens.spec.model import is_multi_label
from auditlens.stages.evidence import Bools, Floats, Ints
from auditlens.stages.plan import PlannedModel

NONE: Final = -1
UNDECLARED: Final = 0.5
"""Where a label of a multi-label model holds, if the spec declares nothing for it: the odds are even."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """How the device decides.

    Attributes
    ----------
    class_index : int
        The class that the device reports.
    threshold : float or None
        Reported from this probability on; None means argmax.
    classes : tuple of str
    output : str
        What the model returns; with `multi_label` outputs each class is decided by itself.
    """

    class_index: int
    threshold: float | None
    classes: tuple[str, ...]
    output: str = "logits"

    @classmethod
    def of(cls, model: PlannedModel) -> OperatingPoint:
        """Take the operating point from the plan."""
        return cls(model.classes.index(model.decision_class), model.threshold, model.classes, model.output)

    @property
    def independent(self) -> bool:
        """Whether several classes may hold at once."""
        return is_multi_label(self.output)

    def decide(self, probabilities: Floats) -> Ints:
        """Class index that is reported, per row of (images, classes).

        Below the threshold the likeliest of the other classes is reported, so a declared class never wins by argmax.
        A multi-label model is read as the decision's class against the rest.
        """
        if self.threshold is None:
            return np.asarray(np.argmax(probabilities, axis=1))
        rest = probabilities.copy()
        rest[:, self.class_index] = -np.inf
        positive = probabilities[:, self.class_index] >= self.threshold
        return np.where(positive, self.class_index, np.argmax(rest, axis=1))

    def calls(self, probabilities: Floats, class_index: int) -> Bools:
        """Whether a class is reported, per row of (images, classes).

        Multi-label: the class by itself, at the threshold where it is the decision's class, else at one half.
        """
        if self.independent and class_index != self.class_index:
            return np.asarray(probabilities[:, class_index] >= UNDECLARED)
        return np.asarray(self.decide(probabilities) == class_index)

    def reported(self, probabilities: Floats, class_index: int) -> Ints:
        """Class index that is reported, read for one class: `NONE` where a multi-label model does not report it."""
        if not self.independent:
            return self.decide(probabilities)
        return np.where(self.calls(probabilities, class_index), class_index, NONE)

    def margin(self, logits: Floats, class_index: int) -> Floats:
        """Log-odds of a class, per row of (images, classes)."""
        return logits[:, class_index].astype(np.float64) if self.independent else margin(logits, class_index)

    @property
    def sentence(self) -> str:
        """Such as `melanoma at P >= 0.31`."""
        if self.threshold is None:
            return "the likeliest class"
        return f"{self.classes[self.class_index]} at P >= {self.threshold:g}"


def margin(logits: Floats, class_index: int) -> Floats:
    """z_c minus the log-sum-exp of the other logits (method.md, decision rule 5); (rows, classes) -> (rows,)."""
    rest = np.delete(logits, class_index, axis=1).astype(np.float64)
    top = rest.max(axis=1)
    others = top + np.log(np.exp(rest - top[:, None]).sum(axis=1))
    return np.asarray(logits[:, class_index] - others)
