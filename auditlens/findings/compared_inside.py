"""The inside of the model in two or more audits: shares of relevance and numbers of components, by state and label."""

from __future__ import annotations

from collections.abc import Sequence

from auditlens.findings.side_by_side import Run, apart, values
from auditlens.stages.comparison import ComparedClass, ComparedShare
from auditlens.stages.findings import ClassFinding, Estimate
from auditlens.stages.states import ComponentState

NOTHING = Estimate(value=0.0, low=0.0, high=0.0, note="no component carries it")
"""Share of a state or label that a run looked for and found on no component."""


def compared_classes(runs: Sequence[Run]) -> tuple[ComparedClass, ...]:
    """Set the inside side by side, by class."""
    names = dict.fromkeys(row.class_name for run in runs for row in run.record.findings.classes)
    return tuple(_class(runs, name) for name in names)


def _class(runs: Sequence[Run], class_name: str) -> ComparedClass:
    found = [next((row for row in run.record.findings.classes if row.class_name == class_name), None) for run in runs]
    states = [state for state in ComponentState if any(row and _carried(row, state) for row in found)]
    labels = dict.fromkeys(label for row in found if row for label in row.share_by_concept)
    by_label = [_label(runs, found, label) for label in labels]
    return ComparedClass(
        class_name=class_name,
        layers=tuple("" if row is None else row.layer for row in found),
        by_state=tuple(_state(runs, found, state) for state in states),
        by_label=tuple(sorted(by_label, key=lambda row: (-_largest(row), row.name))),
    )


def _carried(row: ClassFinding, state: ComponentState) -> bool:
    """Whether any relevance lies on a state."""
    share = row.share_by_state.get(state)
    return share is not None and bool(share.value)


def _largest(row: ComparedShare) -> float:
    return max((value.estimate.value or 0.0) for value in row.values if value.estimate is not None)


def _state(runs: Sequence[Run], found: Sequence[ClassFinding | None], state: ComponentState) -> ComparedShare:
    counts = [
        None
        if row is None
        else sum(
            one.state is state and one.class_name == row.class_name and one.layer == (row.layer or one.layer)
            for one in run.record.findings.components
        )
        for run, row in zip(runs, found, strict=True)
    ]
    shares = [None if row is None else row.share_by_state.get(state, NOTHING) for row in found]
    return _share(runs, state.value, shares, counts)


def _label(runs: Sequence[Run], found: Sequence[ClassFinding | None], label: str) -> ComparedShare:
    counts = [None if row is None else row.components_by_concept.get(label, 0) for row in found]
    shares = [None if row is None else row.share_by_concept.get(label, NOTHING) for row in found]
    return _share(runs, label, shares, counts)


def _share(
    runs: Sequence[Run], name: str, shares: Sequence[Estimate | None], counts: Sequence[int | None]
) -> ComparedShare:
    """Shares are means over images of what different components carry: taken as independent."""

    def differ(place: int) -> Estimate:
        return apart(runs, place, shares, (-1.0, 1.0))

    return ComparedShare(name=name, values=values(shares, differ), n_components=tuple(counts))
