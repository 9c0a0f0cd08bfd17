"""Small vector pictures drawn in place: states as shapes, intervals against limits, shares as a stacked bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from auditlens.report.wording import estimate_text, kind_of, limit_text
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import ComponentState, ConceptState, GateState

GREEN, RED, AMBER, GREY, VIOLET, BLUE = "#0f6e56", "#b3261e", "#9a6200", "#5a6572", "#5b3f9e", "#1f5fa8"
INK, RULE, FAINT = "#1c2430", "#c5ccd4", "#eef1f4"
SHAPES = {
    "circle": '<circle cx="6" cy="6" r="5" fill="{c}"/>',
    "square": '<rect x="1.2" y="1.2" width="9.6" height="9.6" fill="{c}"/>',
    "diamond": '<path d="M6 0.4 11.6 6 6 11.6 0.4 6Z" fill="{c}"/>',
    "triangle": '<path d="M6 0.8 11.6 10.8H0.4Z" fill="{c}"/>',
    "ring": '<circle cx="6" cy="6" r="4.2" fill="#fff" stroke="{c}" stroke-width="1.8"/>',
    "cross": '<path d="M1.5 3.5 3.5 1.5 6 4 8.5 1.5l2 2L8 6l2.5 2.5-2 2L6 8l-2.5 2.5-2-2L4 6Z" fill="{c}"/>',
    "dot": '<circle cx="6" cy="6" r="2.6" fill="{c}"/>',
}
"""Marks in a 12 by 12 box; a state is always a word, a colour and a shape."""
MARKS: dict[str, tuple[str, str]] = {
    GateState.HOLDS: ("circle", GREEN),
    GateState.FAILS: ("square", RED),
    GateState.INCONCLUSIVE: ("diamond", AMBER),
    GateState.NOT_EVALUATED: ("ring", GREY),
    "fails, accepted": ("triangle", VIOLET),
    ComponentState.VALID: ("circle", GREEN),
    ComponentState.SPURIOUS: ("square", RED),
    ComponentState.BOTH: ("diamond", AMBER),
    ComponentState.UNEXPECTED: ("triangle", VIOLET),
    ComponentState.UNVERIFIED: ("ring", GREY),
    ComponentState.IRRELEVANT: ("dot", "#8a94a0"),
    ConceptState.OBSERVABLE: ("circle", GREEN),
    ConceptState.NOT_OBSERVABLE: ("cross", RED),
    ConceptState.NOT_ASSESSABLE: ("dot", "#8a94a0"),
    "both lines": ("square", RED),
    "neither line": ("circle", GREEN),
    "one line": ("diamond", AMBER),
}


def mark(state: str, size: int = 10) -> Markup:
    """Draw the shape of a state, without text: the word stands beside it."""
    shape, colour = MARKS[state]
    body = SHAPES[shape].format(c=colour)
    head = f'<svg class="mark" width="{size}" height="{size}" viewBox="0 0 12 12" aria-hidden="true">'
    return Markup(f"{head}{body}</svg>")


def colour_of(state: str) -> str:
    """Give the colour of a state."""
    return MARKS[state][1]


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from values to pixels."""

    low: float
    high: float
    width: float
    pad: float = 5.0

    def at(self, value: float) -> float:
        """Pixel of a value, kept inside the picture."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.pad + min(max(share, 0.0), 1.0) * (self.width - 2 * self.pad), 2)

    def ticks(self, target: int = 5) -> list[float]:
        """Round values inside the scale."""
        span = self.high - self.low
        power = 10.0 ** math.floor(math.log10(span / target))
        step = next((factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= target), 10 * power)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 10) for index in range(first, last + 1)]


def known(estimate: Estimate | None) -> list[float]:
    """Value and bounds of an estimate, as far as they exist."""
    if estimate is None:
        return []
    return [number for number in (estimate.value, estimate.low, estimate.high) if number is not None]


def gate_axis(gate: PlannedGate, estimate: Estimate | None, width: float) -> Axis:
    """Choose a scale on which the limit and the interval are both seen."""
    numbers = [*known(estimate), gate.bound]
    if gate.relation == "within":
        reach = 1.15 * max(abs(number) for number in [*numbers, 1.5 * gate.bound])
        return Axis(-reach, reach, width)
    if gate.relation == ">=":
        low = min(numbers)
        return Axis(max(0.0, low - 0.35 * (1 - low) - 0.02), 1.0, width)
    return Axis(min(0.0, *numbers), max(1.12 * max(numbers), 1.8 * gate.bound, 1e-6), width)


def gate_bar(gate: PlannedGate, estimate: Estimate | None, colour: str, width: int = 150) -> Markup:
    """Draw the interval against the limit; what lies outside the limit is shaded."""
    axis = gate_axis(gate, estimate, width)
    said = f"{estimate_text(estimate, kind_of(gate.metric))}; limit {limit_text(gate)}"
    parts = [f'<rect x="0" y="2" width="{width}" height="16" fill="{FAINT}"/>']
    parts += [
        f'<rect x="{left}" y="2" width="{round(right - left, 2)}" height="16" fill="#f6d5d1"/>'
        for left, right in _outside(gate, axis, width)
    ]
    if axis.low < 0 < axis.high:
        parts.append(_line(axis.at(0), 2, axis.at(0), 18, "#fff", 1))
    limits = (-gate.bound, gate.bound) if gate.relation == "within" else (gate.bound,)
    parts += [_line(axis.at(limit), 0, axis.at(limit), 20, INK, 1.4) for limit in limits]
    parts.append(_interval(axis, estimate, 10, colour))
    return _svg(width, 20, said, parts)


def _outside(gate: PlannedGate, axis: Axis, width: int) -> list[tuple[float, float]]:
    if gate.relation == "<=":
        return [(axis.at(gate.bound), width)]
    if gate.relation == ">=":
        return [(0, axis.at(gate.bound))]
    return [(0, axis.at(-gate.bound)), (axis.at(gate.bound), width)]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"/>'


def _interval(axis: Axis, estimate: Estimate | None, y: float, colour: str, shape: str = "circle") -> str:
    """Draw a point with its interval and end caps."""
    if estimate is None or estimate.value is None:
        return ""
    parts = []
    if estimate.low is not None and estimate.high is not None:
        low, high = axis.at(estimate.low), axis.at(estimate.high)
        parts = [_line(low, y, high, y, colour, 2)]
        parts += [_line(end, y - 3, end, y + 3, colour, 1.4) for end in (low, high)]
    x = axis.at(estimate.value)
    if shape == "circle":
        point = f'<circle cx="{x}" cy="{y}" r="3.6" fill="{colour}"/>'
    elif shape == "ring":
        point = f'<circle cx="{x}" cy="{y}" r="3.2" fill="#fff" stroke="{colour}" stroke-width="1.5"/>'
    else:
        point = f'<path d="M{x} {y - 4.6}l4.6 4.6-4.6 4.6-4.6-4.6Z" fill="{colour}"/>'
    return "".join([*parts, point])


def _svg(width: float, height: float, said: str, parts: Sequence[str]) -> Markup:
    """Wrap parts as one picture with a spoken name, which also is its tooltip."""
    text = escape(said)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    head = f'<svg class="bar" {size} role="img" aria-label="{text}">'
    return Markup(f"{head}<title>{text}</title>{''.join(part for part in parts if part)}</svg>")


def effects_axis(estimates: Sequence[Estimate | None], width: float) -> Axis:
    """One scale for all effects of a class, zero always on it."""
    numbers = [number for estimate in estimates for number in known(estimate)]
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    margin = 0.06 * (high - low) or 0.05
    return Axis(low - margin, high + margin, width, pad=8)


def effect_bars(axis: Axis, raw: Estimate | None, sham: Estimate | None, beyond: Estimate | None) -> Markup:
    """Draw one row of the forest plot: raw, sham and beyond sham, one above the other, on the common scale."""
    names = (("with artefact", raw), ("with sham", sham), ("beyond sham", beyond))
    said = "; ".join(f"{name} {estimate_text(estimate, 'signed')}" for name, estimate in names if estimate is not None)
    parts = [_line(axis.at(tick), 0, axis.at(tick), 40, "#e3e7eb", 1) for tick in axis.ticks()]
    parts.append(_line(axis.at(0), 0, axis.at(0), 40, "#6b7683", 1.2))
    parts.append(_interval(axis, raw, 8, BLUE))
    parts.append(_interval(axis, sham, 20, "#8a94a0", "ring"))
    parts.append(_interval(axis, beyond, 32, INK, "diamond"))
    return _svg(axis.width, 40, said, parts)


def effects_scale(axis: Axis) -> Markup:
    """Draw the numbers of the common scale."""
    parts = [_text(axis.at(tick), 11, _tick(tick), GREY, 'font-size="9"') for tick in axis.ticks()]
    return _svg(axis.width, 14, "scale of the change of probability", parts)


def change_bar(axis: Axis, estimate: Estimate | None) -> Markup:
    """Draw one change with its interval on a common scale, zero marked."""
    parts = [_line(axis.at(tick), 0, axis.at(tick), 16, "#e3e7eb", 1) for tick in axis.ticks()]
    parts += [_line(axis.at(0), 0, axis.at(0), 16, "#6b7683", 1.2), _interval(axis, estimate, 8, BLUE)]
    return _svg(axis.width, 16, estimate_text(estimate), parts)


def change_scale(axis: Axis) -> Markup:
    """Draw the numbers of a common scale of changes."""
    parts = [_text(axis.at(tick), 11, _tick(tick), GREY, 'font-size="9"') for tick in axis.ticks()]
    return _svg(axis.width, 14, "scale of the change", parts)


def dots(points: Sequence[tuple[float, float, str]], across: str, up: str, size: tuple[int, int]) -> Markup:
    """Draw dots (x, y, name) on two scales that start at zero."""
    width, height = size
    x_axis = Axis(0.0, 1.08 * max([1e-9, *(x for x, _, _ in points)]), width - 34, pad=4)
    y_axis = Axis(0.0, 1.08 * max([1e-9, *(y for _, y, _ in points)]), height - 34, pad=4)
    bottom = height - 30
    parts = [_line(34, bottom, width, bottom, RULE, 1), _line(34, 0, 34, bottom, RULE, 1)]
    for tick in x_axis.ticks(4):
        parts.append(_text(30 + x_axis.at(tick), bottom + 12, f"{tick:g}", GREY, 'font-size="9"'))
    for tick in y_axis.ticks(4):
        parts.append(_text(20, bottom + 3 - y_axis.at(tick) + 4, f"{tick:g}", GREY, 'font-size="9"'))
    for x, y, name in points:
        place = f'cx="{30 + x_axis.at(x):.1f}" cy="{bottom + 4 - y_axis.at(y):.1f}"'
        parts.append(f'<circle {place} r="3.2" fill="{BLUE}" fill-opacity="0.6"><title>{escape(name)}</title></circle>')
    parts.append(_text(width / 2 + 17, height - 4, across, GREY, 'font-size="10"'))
    turned = f'font-size="10" transform="rotate(-90 8 {bottom / 2})"'
    parts.append(_text(8, bottom / 2, up, GREY, turned))
    return _svg(width, height, f"{up} against {across}", parts)


def _text(x: float, y: float, words: str, colour: str, style: str) -> str:
    font = 'text-anchor="middle" font-family="Inter, sans-serif"'
    return f'<text x="{x:.2f}" y="{y}" fill="{colour}" {font} {style}>{escape(words)}</text>'


def _tick(value: float) -> str:
    return "0" if value == 0 else f"{value:+.6g}".replace("-", "\N{MINUS SIGN}")


def share_bar(estimate: Estimate | None, colour: str, width: int = 150, top: float = 1.0) -> Markup:
    """Draw a share between 0 and `top` with its interval."""
    axis = Axis(0.0, max(top, 1e-6), width, pad=2)
    said = estimate_text(estimate, "percent")
    parts = [f'<rect x="0" y="3" width="{width}" height="10" fill="{FAINT}"/>']
    if estimate is not None and estimate.value is not None:
        wide = axis.at(estimate.value)
        parts.append(f'<rect x="0" y="3" width="{wide}" height="10" fill="{colour}" fill-opacity="0.55"/>')
        if estimate.low is not None and estimate.high is not None:
            low, high = axis.at(estimate.low), axis.at(estimate.high)
            parts.append(_line(low, 8, high, 8, INK, 1.2))
            parts += [_line(end, 5, end, 11, INK, 1.2) for end in (low, high)]
    return _svg(width, 16, said, parts)


def auroc_bar(estimate: Estimate | None, limit: float, width: int = 110) -> Markup:
    """Draw an AUROC from 0.5 to 1 with its interval and the limit; lower values stand at the left edge."""
    low = min([0.5, *known(estimate)])
    axis = Axis(low, 1.0, width)
    parts = [f'<rect x="0" y="2" width="{width}" height="14" fill="{FAINT}"/>']
    parts.append(_line(axis.at(limit), 0, axis.at(limit), 18, INK, 1.3))
    parts.append(_interval(axis, estimate, 9, BLUE))
    return _svg(width, 18, f"AUROC {estimate_text(estimate)}; limit {limit:g}", parts)


def separability_bar(after: Estimate, before: Estimate | None, width: int = 120) -> Markup:
    """Draw an AUROC with the artefact (dot) above that without it (ring), from 0.5 or the lowest bound to 1."""
    axis = Axis(min([0.5, *known(after), *known(before)]), 1.0, width)
    parts = [f'<rect x="0" y="2" width="{width}" height="22" fill="{FAINT}"/>']
    parts.append(_line(axis.at(0.5), 2, axis.at(0.5), 24, "#6b7683", 1.2))
    parts += [_interval(axis, after, 8, BLUE), _interval(axis, before, 18, "#8a94a0", "ring")]
    said = f"AUROC with the artefact {estimate_text(after)}"
    return _svg(width, 26, f"{said}; without it {estimate_text(before)}" if before is not None else said, parts)


def stacked_bar(shares: Sequence[tuple[str, float, str]], width: int = 640) -> Markup:
    """Draw shares of relevance side by side: (word, share, colour); shares over 7 % carry their number."""
    parts, x = [], 0.0
    for word, share, colour in shares:
        wide = share * width
        title = f"<title>{escape(word)}: {100 * share:.1f} %</title>"
        box = f'x="{x:.2f}" y="0" width="{max(wide - 1, 0):.2f}" height="26"'
        parts.append(f'<rect {box} fill="{colour}">{title}</rect>')
        if share >= 0.07:
            style = 'font-size="11.5" font-weight="600"'
            parts.append(_text(x + wide / 2, 17.5, f"{100 * share:.0f} %", _text_on(colour), style))
        x += wide
    said = ", ".join(f"{word} {100 * share:.1f} %" for word, share, _ in shares)
    return _svg(width, 26, f"Share of relevance: {said}", parts)


def _text_on(colour: str) -> str:
    """White on dark colours, ink on light ones."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "#ffffff"


def compared_bars(axis: Axis, rows: Sequence[tuple[str, Estimate | None, str, str]]) -> Markup:
    """Draw estimates (name, estimate, colour, shape) one above the other on a common scale, zero marked."""
    tall = 12 * len(rows) + 4
    said = "; ".join(f"{name} {estimate_text(estimate, 'signed')}" for name, estimate, _, _ in rows)
    parts = [_line(axis.at(tick), 0, axis.at(tick), tall, "#e3e7eb", 1) for tick in axis.ticks()]
    parts.append(_line(axis.at(0), 0, axis.at(0), tall, "#6b7683", 1.2))
    parts += [_interval(axis, row, 8 + 12 * at, colour, shape) for at, (_, row, colour, shape) in enumerate(rows)]
    return _svg(axis.width, tall, said, parts)
