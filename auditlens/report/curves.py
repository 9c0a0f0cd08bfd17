"""Curves of an effect against a dose: points with intervals, joined by lines, with limits drawn in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from auditlens.report.bars import GREY, INK, RULE, Axis, known
from auditlens.report.wording import estimate_text, minus
from auditlens.stages.estimate import Estimate

WIDTH, HEIGHT = 330, 196
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 18, 36
"""Room around the plot in pixels."""
DODGE = 5.0
"""Pixels between the points of two curves at one level, so that their intervals do not cover each other."""
OUTSIDE = "#f6d5d1"


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: an estimate per level."""

    name: str
    colour: str
    shape: str
    """`circle`, `ring` or `diamond`."""
    estimates: tuple[Estimate | None, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of a gate: `<=`, `>=` or `within` a bound."""

    relation: str
    bound: float

    def lines(self) -> tuple[float, ...]:
        """Values at which lines are drawn."""
        return (-self.bound, self.bound) if self.relation == "within" else (self.bound,)


def curves_svg(
    levels: Sequence[float], curves: Sequence[Curve], limits: Sequence[Limit], kind: str, title: str, dose: str
) -> Markup:
    """Draw curves against the levels of a dose.

    Parameters
    ----------
    levels : sequence of float
        Increasing; drawn to scale.
    curves : sequence of Curve
    limits : sequence of Limit
        The region outside of a single one is shaded; of several, only the lines are drawn.
    kind : {"signed", "percent"}
        How the numbers of the upright scale are written.
    title, dose : str
        What is drawn, and what the dose is, in words.
    """
    up, across = _axes(levels, curves, limits)
    parts = _shaded(up, limits[0]) if len(limits) == 1 else []
    parts += _grid(up, across, levels, kind)
    parts += [
        _line(LEFT, _y(up, at), WIDTH - RIGHT, _y(up, at), INK, 1.3, "5 3") for row in limits for at in row.lines()
    ]
    for place, curve in enumerate(curves):
        parts += _curve(up, across, levels, curve, (place - (len(curves) - 1) / 2) * DODGE)
    parts.append(_words(LEFT, 11, title, INK, "start", 'font-weight="600"'))
    parts.append(_words((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, dose, GREY, "middle"))
    return _svg(parts, _said(levels, curves, kind, title, dose))


def _axes(levels: Sequence[float], curves: Sequence[Curve], limits: Sequence[Limit]) -> tuple[Axis, Axis]:
    """Upright scale, zero and the limits always on it, and the scale of the dose."""
    values = [value for curve in curves for estimate in curve.estimates for value in known(estimate)]
    values += [0.0, *(at for row in limits for at in row.lines())]
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 0.05
    up = Axis(low - margin, high + margin, HEIGHT - TOP - BOTTOM, pad=0)
    return up, Axis(levels[0], levels[-1], WIDTH - LEFT - RIGHT, pad=18)


def _y(axis: Axis, value: float) -> float:
    return round(HEIGHT - BOTTOM - axis.at(value), 2)


def _shaded(up: Axis, limit: Limit) -> list[str]:
    """Shade what lies outside of a limit."""
    top, bottom, width = TOP, HEIGHT - BOTTOM, WIDTH - LEFT - RIGHT
    regions: list[tuple[float, float]] = (
        [(bottom, _y(up, limit.bound))] if limit.relation == ">=" else [(_y(up, limit.bound), top)]
    )
    if limit.relation == "within":
        regions.append((bottom, _y(up, -limit.bound)))
    return [
        f'<rect x="{LEFT}" y="{end}" width="{width}" height="{round(start - end, 2)}" fill="{OUTSIDE}"/>'
        for start, end in regions
    ]


def _grid(up: Axis, across: Axis, levels: Sequence[float], kind: str) -> list[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for tick in up.ticks(5):
        at = _y(up, tick)
        parts.append(_line(LEFT, at, right, at, "#6b7683" if tick == 0 else "#e3e7eb", 1.2 if tick == 0 else 1))
        parts.append(_words(LEFT - 5, at + 3.5, _tick(tick, kind), GREY, "end"))
    parts.append(_line(LEFT, bottom, right, bottom, RULE, 1))
    for level in levels:
        at = LEFT + across.at(level)
        parts += [_line(at, bottom, at, bottom + 4, RULE, 1), _words(at, bottom + 15, f"{level:g}", GREY, "middle")]
    return parts


def _curve(up: Axis, across: Axis, levels: Sequence[float], curve: Curve, dodge: float) -> list[str]:
    """Draw the line first, then every point with its interval."""
    drawn = [
        (round(LEFT + across.at(level) + dodge, 2), estimate)
        for level, estimate in zip(levels, curve.estimates, strict=True)
        if estimate is not None and estimate.value is not None
    ]
    path = " ".join(f"{x},{_y(up, estimate.value or 0.0)}" for x, estimate in drawn)
    parts = [f'<polyline points="{path}" fill="none" stroke="{curve.colour}" stroke-width="1.5"/>']
    for x, estimate in drawn:
        parts += _interval(up, x, estimate, curve.colour)
        parts.append(_point(x, _y(up, estimate.value or 0.0), curve.colour, curve.shape))
    return parts


def _interval(up: Axis, x: float, estimate: Estimate, colour: str) -> list[str]:
    if estimate.low is None or estimate.high is None:
        return []
    low, high = _y(up, estimate.low), _y(up, estimate.high)
    return [
        _line(x, low, x, high, colour, 1.4),
        *(_line(x - 2.5, end, x + 2.5, end, colour, 1.2) for end in (low, high)),
    ]


def _point(x: float, y: float, colour: str, shape: str) -> str:
    if shape == "diamond":
        return f'<path d="M{x} {round(y - 4.4, 2)}l4.4 4.4-4.4 4.4-4.4-4.4Z" fill="{colour}"/>'
    if shape == "ring":
        return f'<circle cx="{x}" cy="{y}" r="3" fill="#fff" stroke="{colour}" stroke-width="1.5"/>'
    return f'<circle cx="{x}" cy="{y}" r="3.3" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"{dashed}/>'


def _words(x: float, y: float, text: str, colour: str, anchor: str, style: str = "") -> str:
    font = f'font-family="Inter, sans-serif" font-size="10" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" {font} {style}>{escape(text)}</text>'


def _tick(value: float, kind: str) -> str:
    if value == 0:
        return "0"
    return minus(f"{100 * value:g} %" if kind == "percent" else f"{value:+.6g}")


def _said(levels: Sequence[float], curves: Sequence[Curve], kind: str, title: str, dose: str) -> str:
    rows = [
        f"{curve.name}: "
        + ", ".join(
            f"{level:g}: {estimate_text(row, kind)}" for level, row in zip(levels, curve.estimates, strict=True)
        )
        for curve in curves
    ]
    return f"{title} against {dose}. {'; '.join(rows)}"


def _svg(parts: Sequence[str], said: str) -> Markup:
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    text = escape(said)
    head = f'<svg class="curve" {size} role="img" aria-label="{text}">'
    return Markup(f"{head}<title>{text}</title>{''.join(parts)}</svg>")
