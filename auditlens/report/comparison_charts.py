"""Pictures of a comparison: one row per artefact with a mark per model, and relevance by state per model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

from auditlens.report.bars import AMBER, BLUE, GREEN, GREY, RED, SHAPES, VIOLET, Axis, colour_of, stacked_bar
from auditlens.report.wording import estimate_text, minus
from auditlens.stages.comparison import ComparedClass
from auditlens.stages.findings import Estimate
from auditlens.stages.states import ComponentState

MODEL_MARKS: Final = (
    ("circle", BLUE),
    ("diamond", AMBER),
    ("square", GREEN),
    ("triangle", VIOLET),
    ("cross", RED),
    ("ring", GREY),
)
"""Shape and colour of each run, in their order; they repeat after six."""
LANE, MARGIN, WIDTH = 15, 4, 320
REST: Final = "#dfe4e9"


def model_mark(place: int, size: int = 11) -> Markup:
    """Draw the mark of a run, for a legend: its name stands beside it."""
    shape, colour = MODEL_MARKS[place % len(MODEL_MARKS)]
    body = SHAPES[shape].format(c=colour)
    return Markup(
        f'<svg class="mark" width="{size}" height="{size}" viewBox="0 0 12 12" aria-hidden="true">{body}</svg>'
    )


def common_axis(rows: Sequence[Sequence[Estimate | None]], width: int = WIDTH) -> Axis:
    """Give one scale for all rows of a forest plot, zero always on it."""
    known = [
        number
        for row in rows
        for one in row
        if one is not None
        for number in (one.value, one.low, one.high)
        if number is not None
    ]
    low, high = min([0.0, *known]), max([0.0, *known])
    pad = 0.06 * (high - low) or 0.05
    return Axis(low - pad, high + pad, width, pad=8)


def models_row(axis: Axis, estimates: Sequence[Estimate | None], names: Sequence[str]) -> Markup:
    """Draw one row of a forest plot: a mark with its interval per model, one below the other."""
    height = LANE * len(estimates) + 2 * MARGIN
    parts = [_line(axis.at(tick), 0, axis.at(tick), height, "#e3e7eb", 1) for tick in axis.ticks()]
    parts.append(_line(axis.at(0), 0, axis.at(0), height, "#6b7683", 1.2))
    for place, estimate in enumerate(estimates):
        parts.append(_marked(axis, estimate, MARGIN + LANE * place + LANE / 2, place))
    said = "; ".join(
        f"{name} {estimate_text(one, 'signed')}" for name, one in zip(names, estimates, strict=True) if one is not None
    )
    return _svg(axis.width, height, said or "not measured", parts)


def _marked(axis: Axis, estimate: Estimate | None, y: float, place: int) -> str:
    if estimate is None or estimate.value is None:
        return ""
    shape, colour = MODEL_MARKS[place % len(MODEL_MARKS)]
    parts = []
    if estimate.low is not None and estimate.high is not None:
        low, high = axis.at(estimate.low), axis.at(estimate.high)
        parts = [_line(low, y, high, y, colour, 1.8)]
        parts += [_line(end, y - 3, end, y + 3, colour, 1.3) for end in (low, high)]
    x = axis.at(estimate.value)
    mark = f'<g transform="translate({x - 5:.2f} {y - 5:.2f}) scale(0.833)">{SHAPES[shape].format(c=colour)}</g>'
    return "".join([*parts, mark])


def models_scale(axis: Axis, percent: bool = False) -> Markup:
    """Draw the numbers of the common scale, in percentage points where asked."""
    parts = []
    for tick in axis.ticks():
        text = f"{100 * tick:+.6g}" if percent else f"{tick:+.6g}"
        words = "0" if tick == 0 else minus(text)
        parts.append(
            f'<text x="{axis.at(tick):.2f}" y="11" fill="{GREY}" text-anchor="middle" '
            f'font-family="Inter, sans-serif" font-size="9">{escape(words)}</text>'
        )
    return _svg(axis.width, 14, "scale of the change", parts)


def state_bars(found: ComparedClass) -> list[Markup]:
    """Draw relevance by state as one stacked bar per run; a rest is of components without a state."""
    bars = []
    for place in range(len(found.layers)):
        shares = {row.name: row.values[place].estimate for row in found.by_state}
        segments = [
            (state.value, float(one.value), colour_of(state))
            for state in ComponentState
            if (one := shares.get(state.value)) is not None and one.value
        ]
        rest = 1.0 - sum(share for _, share, _ in segments)
        segments += [("no state", rest, REST)] if rest > 0.005 and segments else []
        bars.append(stacked_bar(segments) if segments else Markup("<span class='muted'>not measured</span>"))
    return bars


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"/>'


def _svg(width: float, height: float, said: str, parts: Sequence[str]) -> Markup:
    text = escape(said)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    head = f'<svg class="bar" {size} role="img" aria-label="{text}">'
    return Markup(f"{head}<title>{text}</title>{''.join(part for part in parts if part)}</svg>")
