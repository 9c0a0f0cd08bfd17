"""The operating point: from probabilities to the class that the device reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditlens.stages.evidence import Floats, Ints
from auditlens.stages.plan import PlannedModel


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
    """

    class_index: int
    threshold: float | None
    classes: tuple[str, ...]

    @classmethod
    def of(cls, model: PlannedModel) -> OperatingPoint:
        """Take the operating point from the plan."""
        return cls(model.classes.index(model.decision_class), model.threshold, model.classes)

    def decide(self, probabilities: Floats) -> Ints:
        """Class index that is reported, per row of (images, classes).

        Below the threshold the likeliest of the other classes is reported, so a declared class never wins by argmax.
        """
        if self.threshold is None:
            return np.asarray(np.argmax(probabilities, axis=1))
        rest = probabilities.copy()
        rest[:, self.class_index] = -np.inf
        positive = probabilities[:, self.class_index] >= self.threshold
        return np.where(positive, self.class_index, np.argmax(rest, axis=1))

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
