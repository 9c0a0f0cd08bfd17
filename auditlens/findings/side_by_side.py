"""What a comparison is made from: runs with their names, and values of all runs beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from auditlens.findings import differences
from auditlens.findings.decision import OperatingPoint
from auditlens.stages.answers import Answers, CleanAnswers, TrialAnswers
from auditlens.stages.comparison import ComparedValue
from auditlens.stages.findings import ArtefactFinding, Estimate
from auditlens.stages.record import AuditRecord

FIRST = "first"
NOT_KEPT = "a run folder keeps no answers (tables/trials.parquet): run that audit again for intervals on differences"
Bounds = tuple[float, float] | None


@dataclass(frozen=True)
class Run:
    """One audit with its name in the comparison.

    Attributes
    ----------
    name : str
    record : AuditRecord
    answers : Answers or None
        None where its folder keeps none.
    """

    name: str
    record: AuditRecord
    answers: Answers | None

    @cached_property
    def independent(self) -> bool:
        """Whether classes are decided by themselves (multi-label)."""
        return OperatingPoint.of(self.record.plan.model).independent

    def artefact(self, artefact: str, class_name: str) -> ArtefactFinding | None:
        """Find what the record says of one artefact and class."""
        rows = self.record.findings.artefacts
        return next((row for row in rows if (row.artefact, row.class_name) == (artefact, class_name)), None)

    def trials(self, artefact: str, class_name: str) -> TrialAnswers | None:
        """Find the rows of one artefact and class."""
        return None if self.answers is None else self.answers.trials.get((artefact, class_name))

    def clean(self) -> CleanAnswers | None:
        """Find the rows of the clean images for the class of the operating point."""
        return None if self.answers is None else self.answers.clean.get(self.record.plan.model.decision_class)


def values(estimates: Sequence[Estimate | None], differ: Callable[[int], Estimate | None]) -> tuple[ComparedValue, ...]:
    """Set estimates of all runs beside each other; `differ` gives the difference of a run's to the first."""
    values = []
    for place, estimate in enumerate(estimates):
        both = place > 0 and has_value(estimate) and has_value(estimates[0])
        values.append(ComparedValue(estimate=estimate, difference=differ(place) if both else None))
    return tuple(values)


def has_value(estimate: Estimate | None) -> bool:
    """Whether there is a number at all."""
    return estimate is not None and estimate.value is not None


def _without_interval(first: Estimate | None, other: Estimate | None) -> Estimate:
    assert first is not None and other is not None and first.value is not None and other.value is not None
    return Estimate(value=other.value - first.value, note="no interval: a run keeps no answers")


def apart(runs: Sequence[Run], place: int, estimates: Sequence[Estimate | None], bounds: Bounds) -> Estimate:
    """Difference of two estimates that are not paired; without an interval where a run keeps no answers."""
    first, other = estimates[0], estimates[place]
    if runs[0].answers is None or runs[place].answers is None:
        return _without_interval(first, other)
    assert first is not None and other is not None
    return differences.unpaired_difference(first, other, bounds)
