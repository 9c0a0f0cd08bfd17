"""What the report shows of each class: its components, its labels, and its relevance by state."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from auditlens.report import bars
from auditlens.report.scatter import scatter_svg
from auditlens.report.settings import setting
from auditlens.stages.findings import Alignment, ClassFinding, ComponentFinding, Estimate
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState

SMALL_SHARE = 0.005
"""Labels below this share of relevance are summed up in one row."""
DEFAULT_Z, DEFAULT_SHOWN = 3.0, 12


@dataclass(frozen=True, slots=True)
class LabelShare:
    """What one label carries, over all components of the layer."""

    name: str
    n_components: int
    share: Estimate


@dataclass(frozen=True, slots=True)
class ClassView:
    """What the report shows of one class."""

    finding: ClassFinding
    shown: tuple[ComponentFinding, ...]
    """With their crops."""
    repeated: tuple[ComponentFinding, ...]
    """Components whose crops stand at an earlier class."""
    n_hidden: int
    scatter: Markup | None
    n_drawn: int
    stacked: Markup
    states: tuple[tuple[ComponentState, Estimate], ...]
    """Shares of relevance in the order of the bar."""
    n_by_state: dict[str, int]
    """Components judged by crops, by state."""
    labels: tuple[LabelShare, ...]
    n_small_labels: int
    """Labels whose shares are too small for a row of their own."""
    small_labels_share: float
    top_share: float

    @staticmethod
    def label_alignment(row: ComponentFinding) -> list[tuple[str, Alignment]]:
        """Give the alignment behind a component's label, where the two best concepts do not show it already."""
        shown = {best.concept for best in (row.best_valid, row.best_spurious) if best}
        return [("Its label", best) for best in row.alignments if best.concept == row.label and row.label not in shown]


def class_views(record: AuditRecord) -> tuple[ClassView, ...]:
    """Collect what the report shows per class."""
    views: list[ClassView] = []
    for finding in record.findings.classes:
        pictured = {row.id for view in views for row in view.shown}
        views.append(class_view(record, finding, pictured, f"scatter{len(views)}-"))
    return tuple(views)


def class_view(record: AuditRecord, finding: ClassFinding, pictured: set[str], prefix: str) -> ClassView:
    """Collect what the report shows of one class: the most relevant components first."""
    own = [row for row in record.findings.components if row.class_name == finding.class_name]
    own = [row for row in own if row.layer == finding.layer or not finding.layer]
    own.sort(key=lambda row: (-(row.relevance.value or 0.0), row.id))
    looked_at = [row for row in own if row.state is not ComponentState.IRRELEVANT]
    n_shown = int(setting(record, "report", "n_components", DEFAULT_SHOWN))
    threshold = float(setting(record, "examine", "z_threshold", DEFAULT_Z))
    drawn = [row for row in looked_at if row.best_valid or row.best_spurious]
    labels = label_shares(finding)
    small = [row.share.value or 0.0 for row in labels if (row.share.value or 0.0) < SMALL_SHARE]
    return ClassView(
        finding=finding,
        shown=tuple(row for row in looked_at[:n_shown] if row.id not in pictured),
        repeated=tuple(row for row in looked_at[:n_shown] if row.id in pictured),
        n_hidden=max(len(looked_at) - n_shown, 0),
        scatter=scatter_svg(drawn, threshold, prefix) if drawn else None,
        n_drawn=len(drawn),
        stacked=bars.stacked_bar(share_segments(finding)),
        states=tuple(sorted(finding.share_by_state.items(), key=lambda row: list(ComponentState).index(row[0]))),
        n_by_state={state.value: sum(row.state is state for row in own) for state in ComponentState},
        labels=labels[: len(labels) - len(small)],
        n_small_labels=len(small),
        small_labels_share=sum(small),
        top_share=max([0.05, *(row.high or row.value or 0.0 for row in finding.share_by_state.values())]),
    )


def label_shares(finding: ClassFinding) -> tuple[LabelShare, ...]:
    """Collect share and number of components of each label, the largest share first."""
    rows = [
        LabelShare(name, finding.components_by_concept.get(name, 0), share)
        for name, share in finding.share_by_concept.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-(row.share.value or 0.0), row.name)))


def share_segments(finding: ClassFinding) -> list[tuple[str, float, str]]:
    """Shares of relevance by state; a rest, where they do not add up to one, is of components that got no state.

    `unexamined_share` (judged by whole images only) is a part of these shares, so it is no segment.
    """
    shares = {state: estimate.value or 0.0 for state, estimate in finding.share_by_state.items()}
    ordered = [state for state in ComponentState if shares.get(state, 0.0) > 0]
    segments = [(state.value, shares[state], bars.colour_of(state)) for state in ordered]
    rest = 1.0 - sum(share for _, share, _ in segments)
    return [*segments, ("no state", rest, "#dfe4e9")] if rest > 0.005 else segments
