"""What silencing components does, as the report shows it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from auditlens.report import bars
from auditlens.report.wording import digits, plain
from auditlens.stages.ablation import AblationAgreement, AblationFinding
from auditlens.stages.estimate import Estimate
from auditlens.stages.record import AuditRecord

N_SINGLE = 8
"""Single components listed; the others stand in the table."""
WIDTH = 212
SCATTER = (300, 190)


@dataclass(frozen=True, slots=True)
class AblationView:
    """One layer and class."""

    class_name: str
    layer: str
    groups: tuple[AblationFinding, ...]
    """Of a state, then of a label, each by how much they do."""
    single: tuple[AblationFinding, ...]
    n_single: int
    agreement: AblationAgreement | None
    axis: bars.Axis
    scatter: Markup | None

    def bar(self, row: AblationFinding) -> Markup:
        """Draw the mean change of the margin with its interval, on the view's scale."""
        return bars.change_bar(self.axis, row.margin)

    @staticmethod
    def title(row: AblationFinding) -> str:
        """Such as `all spurious ones` or `ruler`."""
        return f"all {row.name} ones" if row.kind == "state" else plain(row.name)


def ablation_views(record: AuditRecord) -> tuple[AblationView, ...]:
    """Collect what was silenced, by layer and class; empty where ablation was switched off."""
    findings = record.findings
    places = dict.fromkeys((row.layer, row.class_name) for row in findings.ablations)
    agreements = {(row.layer, row.class_name): row for row in findings.ablation_agreement}
    return tuple(
        _view([row for row in findings.ablations if (row.layer, row.class_name) == place], place, agreements.get(place))
        for place in places
    )


def _view(rows: list[AblationFinding], place: tuple[str, str], agreement: AblationAgreement | None) -> AblationView:
    single = sorted((row for row in rows if row.kind == "component"), key=_strength)
    groups = sorted(
        (row for row in rows if row.kind != "component"), key=lambda row: (row.kind != "state", _strength(row))
    )
    shown = tuple(single[:N_SINGLE])
    return AblationView(
        class_name=place[1],
        layer=place[0],
        groups=tuple(groups),
        single=shown,
        n_single=len(single),
        agreement=agreement,
        axis=bars.effects_axis([row.margin for row in (*groups, *shown)], WIDTH),
        scatter=_scatter(single) if len(single) > 1 else None,
    )


def _strength(row: AblationFinding) -> tuple[float, str]:
    return -row.magnitude, row.name


def _scatter(single: list[AblationFinding]) -> Markup:
    """Relevance against what silencing does, a dot per component."""
    points = [(100 * row.relevance_share, row.magnitude, row.name) for row in single]
    return bars.dots(points, "share of relevance, %", "absolute change of the margin", SCATTER)


def agreement_sentence(row: AblationAgreement) -> str:
    """Say how well relevance ranks components as silencing them does."""
    found: Estimate = row.rank_correlation
    if found.value is None:
        return f"Whether relevance ranks the components of {row.layer} as silencing does cannot be told: {found.note}."
    span = ""
    if found.low is not None and found.high is not None:
        span = f" (95 %: {digits(found.low, 2)} to {digits(found.high, 2)})"
    return (
        f"Over {row.n_components} components silenced one by one on {row.n_images} images, the rank correlation of "
        f"relevance with what silencing does is {digits(found.value, 2)}{span}."
    )
