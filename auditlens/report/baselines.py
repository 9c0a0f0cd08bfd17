"""What the report shows of baselines: their values, and how much worse this model is, gate by gate."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from auditlens.report.bars import AMBER, BLUE, FAINT, GREEN, RED, Axis
from auditlens.report.titles import artefact_labels, gate_title
from auditlens.report.wording import capitalise, interval, kind_of, minus, number, short_hash
from auditlens.spec.baselines import WHY_NOT_PAIRED
from auditlens.stages.baselines import Altered, BaselineFinding, BaselineGate
from auditlens.stages.findings import Estimate
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import Standing
from auditlens.stages.verdict import GateResult

MOST_COLUMNS = 2
"""Baselines whose values stand on page one."""
WIDTH, HEIGHT = 190, 20
ORDER = (Standing.NEW, Standing.WORSENED, Standing.FIXED, Standing.UNCHANGED, None)


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """One gate beside its baseline."""

    result: GateResult
    title: str
    before: str
    """The baseline's value with its interval; a dash without one."""
    worse: str
    """How much worse this model is, with its interval, or why there is no difference."""
    drawn: Markup | None


@dataclass(frozen=True, slots=True)
class BaselineView:
    """One baseline."""

    finding: BaselineFinding
    first: bool
    """Whether gates are called new by it."""
    rows: tuple[BaselineRow, ...]
    scale: Markup | None


def shown_baselines(record: AuditRecord) -> tuple[BaselineFinding, ...]:
    """Baselines whose values page one shows: the first that something is compared with."""
    return tuple(row for row in record.findings.baselines if row.gates)[:MOST_COLUMNS]


def value_in(finding: BaselineFinding, result: GateResult) -> str:
    """The baseline's value of a gate, in the units of its metric."""
    before = _before(finding, result)
    return number(before.value if before is not None else None, kind_of(result.gate.metric))


def _before(finding: BaselineFinding, result: GateResult) -> Estimate | None:
    """The baseline's estimate of a gate; none of its difference to itself, which is zero whatever it does."""
    row = finding.gate(result.gate.id)
    return None if row is None or result.gate.against == finding.name else row.before


def baseline_views(record: AuditRecord) -> tuple[BaselineView, ...]:
    """Collect what section 2a shows; empty without baselines."""
    first = next((row.name for row in record.findings.baselines if row.record_sha256), None)
    return tuple(_view(record, row, row.name == first) for row in record.findings.baselines)


def _view(record: AuditRecord, finding: BaselineFinding, first: bool) -> BaselineView:
    axis = _axis([row.worse for row in finding.gates])
    labels = artefact_labels(record)
    asked = [(result, finding.gate(result.gate.id)) for result in record.verdict.gates]
    known = [(result, row) for result, row in asked if row is not None]
    if first:
        known.sort(key=lambda pair: ORDER.index(pair[0].standing))
    return BaselineView(
        finding=finding,
        first=first,
        rows=tuple(
            _row(result, row, _before(finding, result), gate_title(result.gate, labels), axis) for result, row in known
        ),
        scale=_scale(axis) if axis is not None else None,
    )


def _row(result: GateResult, row: BaselineGate, before: Estimate | None, title: str, axis: Axis | None) -> BaselineRow:
    drawn = None if axis is None or row.worse is None or row.worse.value is None else worse_bar(axis, row.worse)
    worse = _points(row.worse) or _why_none(result.gate.metric)
    return BaselineRow(result, capitalise(title), _told(before, kind_of(result.gate.metric)), worse, drawn)


def _why_none(metric: str) -> str:
    """Why a metric has no difference; what to compare instead stands in docs/baselines.md."""
    why = WHY_NOT_PAIRED.get(metric)
    return f"no difference: {why.split(';')[0]}" if why else "no difference"


def part_text(row: Altered, text: str) -> str:
    """How a part of the model reads; hashes are cut."""
    return short_hash(text) if row.aspect == "weights" else text


def _told(estimate: Estimate | None, kind: str) -> str:
    if estimate is None or estimate.value is None:
        return number(None)
    bounds = interval(estimate, kind)
    return f"{number(estimate.value, kind)} ({bounds})" if bounds else number(estimate.value, kind)


def _points(estimate: Estimate | None) -> str:
    """A difference in points of a share, a probability or an AUROC: 0.01 is one point."""
    if estimate is None:
        return ""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return estimate.note or "not compared"
    value, low, high = (minus(f"{100 * x + 0.0:+.1f}") for x in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def _axis(estimates: list[Estimate | None]) -> Axis | None:
    """One scale for all gates: every metric is a share, a probability or an AUROC."""
    ends = [end for one in estimates if one is not None for end in (one.value, one.low, one.high) if end is not None]
    if not ends:
        return None
    reach = 1.08 * max(0.02, *(abs(end) for end in ends))
    return Axis(-reach, reach, WIDTH)


def worse_bar(axis: Axis, estimate: Estimate) -> Markup:
    """Draw how much worse: right of the line is worse; red where the whole interval is, green where it is better."""
    assert estimate.value is not None
    low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
    colour = RED if low > 0 else GREEN if high < 0 else BLUE if low == high else AMBER
    middle, left, right = axis.at(0), axis.at(low), axis.at(high)
    parts = [
        f'<rect x="0" y="2" width="{WIDTH}" height="16" fill="{FAINT}"/>',
        f'<rect x="{middle}" y="2" width="{round(WIDTH - middle, 2)}" height="16" fill="#f6d5d1"/>',
        _line(middle, 0, middle, HEIGHT, "#1c2430", 1.4),
        _line(left, 10, right, 10, colour, 2),
        *(_line(end, 7, end, 13, colour, 1.4) for end in (left, right)),
        f'<circle cx="{axis.at(estimate.value)}" cy="10" r="3.6" fill="{colour}"/>',
    ]
    return _svg(f"worse by {_points(estimate)} points", HEIGHT, parts)


def _scale(axis: Axis) -> Markup:
    """Label the scale in points."""
    parts = [
        f'<text x="{axis.at(tick)}" y="10" font-size="9" text-anchor="middle" fill="#4d5864">'
        f"{minus(f'{100 * tick:+g}') if tick else '0'}</text>"
        for tick in axis.ticks(4)
    ]
    return _svg("points; right is worse", 13, parts)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"/>'


def _svg(said: str, height: int, parts: list[str]) -> Markup:
    text, size = escape(said), f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return Markup(f'<svg class="bar" {size} role="img" aria-label="{text}"><title>{text}</title>{"".join(parts)}</svg>')
