"""The scatter of valid against spurious alignment, as a Vega-Lite chart turned into one SVG for HTML and PDF."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from markupsafe import Markup, escape

from auditlens.report.bars import GREY, INK, MARKS, RULE
from auditlens.report.wording import minus, number, plain
from auditlens.stages.findings import Alignment, ComponentFinding
from auditlens.stages.states import ComponentState

FONT = "Inter, sans-serif"
VEGA_SHAPES = {"triangle": "triangle-up", "ring": "circle", "dot": "circle"}
"""Vega's name of a shape, where it has another."""
STATES = tuple(ComponentState)
WIDTH, HEIGHT = 340, 285
TEXT_HEIGHT, TEXT_WIDTH, TEXT_GAP = 12, 5.6, 10
"""Room of a name in the chart: line height, width of a letter, distance from its mark, in pixels."""


def scatter_svg(components: Sequence[ComponentFinding], threshold: float, prefix: str) -> Markup:
    """Draw one point per component: x best valid z, y best spurious z, area its share of relevance, shape its state.

    Parameters
    ----------
    components : sequence of ComponentFinding
    threshold : float
        z from which on a component is labelled; drawn on both axes.
    prefix : str
        Makes the identifiers inside the picture unique in the page.
    """
    svg = _drawn(json.dumps(chart(components, threshold)))
    return _inline(svg, prefix, f"Valid against spurious alignment of {len(components)} components")


@lru_cache(maxsize=8)
def _drawn(chart: str) -> str:
    """Draw a chart, once for HTML and PDF."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(chart))


def chart(components: Sequence[ComponentFinding], threshold: float) -> dict[str, Any]:
    """Describe the chart in Vega-Lite, through Altair."""
    alt = _altair()

    rows = sorted((_row(component) for component in components), key=lambda row: (-row["share"], row["said"]))
    extent = [value for row in rows for value in (row["x"], row["y"])]
    low, high = min([-2.0, *extent]) - 0.8, max([threshold + 1.5, *extent]) + 0.8
    place_names(rows, low, high)
    scale = alt.Scale(domain=[low, high], nice=False)
    words = [state.value for state in STATES]
    base = alt.Chart(alt.Data(values=rows))
    points = base.mark_point(filled=True, opacity=0.88, strokeWidth=1.6).encode(
        x=alt.X("x:Q", scale=scale, title="alignment with the best valid concept (z)"),
        y=alt.Y("y:Q", scale=scale, title="alignment with the best spurious concept (z)"),
        size=alt.Size("share:Q", scale=alt.Scale(domain=[0, 0.25], range=[40, 900], clamp=True), legend=None),
        shape=alt.Shape(
            "state:N",
            scale=alt.Scale(
                domain=words, range=[VEGA_SHAPES.get(MARKS[state][0], MARKS[state][0]) for state in STATES]
            ),
            legend=None,
        ),
        fill=alt.Fill("fill:N", scale=None),
        stroke=alt.Stroke("stroke:N", scale=None),
        order=alt.Order("share:Q", sort="descending"),
        description="said:N",
    )
    names = [
        base.transform_filter(f"datum.side == '{side}'")
        .mark_text(align=align, baseline="middle", dx=dx, fontSize=10, font=FONT, color=INK)
        .encode(x="x:Q", y="y:Q", text="name:N")
        for side, align, dx in (("right", "left", TEXT_GAP), ("left", "right", -TEXT_GAP))
    ]
    return _styled(alt.layer(_limits(threshold), points, *names).properties(width=WIDTH, height=HEIGHT).to_dict())


def _altair() -> Any:
    """Import Altair when a chart is drawn; it is heavy, and its generated types do not fit computed arguments."""
    return importlib.import_module("altair")


def place_names(rows: list[dict[str, Any]], low: float, high: float) -> None:
    """Name each mark on the side where the name meets neither a mark nor another name; leave it out else.

    Rows come most relevant first and get their `side`: right, left, or empty.
    """
    centres = [((row["x"] - low) * WIDTH / (high - low), (high - row["y"]) * HEIGHT / (high - low)) for row in rows]
    taken = [(x - 7, x + 7, y) for x, y in centres]
    for row, (x, y) in zip(rows, centres, strict=True):
        length = TEXT_WIDTH * len(row["name"])
        left, right = x - TEXT_GAP, x + TEXT_GAP
        spans = {"right": (right - 2, right + length, y), "left": (left - length, left + 2, y)}
        free = [side for side, span in spans.items() if row["name"] and _fits(span, taken)]
        row["side"] = free[0] if free else ""
        if free:
            taken.append(spans[free[0]])


def _fits(span: tuple[float, float, float], taken: list[tuple[float, float, float]]) -> bool:
    left, right, y = span
    meets = any(left < other and start < right and abs(y - line) < TEXT_HEIGHT for start, other, line in taken)
    return left >= 0 and right <= WIDTH and not meets


def _limits(threshold: float) -> Any:
    """Draw both thresholds as dashed lines."""
    alt = _altair()

    data = alt.Chart(alt.Data(values=[{"t": threshold}]))
    dashed: dict[str, Any] = {"strokeDash": [4, 3], "color": GREY, "strokeWidth": 1}
    return alt.layer(data.mark_rule(**dashed).encode(x="t:Q"), data.mark_rule(**dashed).encode(y="t:Q"))


def _styled(chart: dict[str, Any]) -> dict[str, Any]:
    axis = {
        "labelFont": FONT,
        "titleFont": FONT,
        "titleFontWeight": "normal",
        "labelFontSize": 10.5,
        "titleFontSize": 11.5,
        "labelColor": GREY,
        "titleColor": INK,
        "gridColor": "#edf0f3",
        "domainColor": RULE,
        "tickColor": RULE,
        "tickCount": 7,
        "titlePadding": 8,
    }
    return chart | {"config": {"axis": axis, "view": {"stroke": RULE}, "background": "#ffffff", "font": FONT}}


def _row(component: ComponentFinding) -> dict[str, Any]:
    shape, colour = MARKS[component.state]
    share = component.relevance.value or 0.0
    name = plain(component.label) if component.label else ""
    valid, spurious = _said(component.best_valid), _said(component.best_spurious)
    return {
        "x": component.best_valid.z if component.best_valid else 0.0,
        "y": component.best_spurious.z if component.best_spurious else 0.0,
        "share": share,
        "state": component.state.value,
        "fill": "#ffffff" if shape == "ring" else colour,
        "stroke": colour if shape == "ring" else "#ffffff",
        "name": name,
        "said": f"{component.id}: {component.state.value}; best valid {valid}; best spurious {spurious}; "
        f"{number(share, 'percent')} of relevance",
    }


def _said(alignment: Alignment | None) -> str:
    return minus(f"{plain(alignment.concept)} (z {alignment.z:.1f})") if alignment else "none"


def _inline(svg: str, prefix: str, said: str) -> Markup:
    """Make the SVG fit for the page: unique identifiers, native tooltips, one spoken name, no fixed size."""
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}\1)", svg)
    svg = re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{prefix}\1"', svg)
    svg = re.sub(r' aria-(hidden|roledescription)="[^"]*"| role="[^"]*"| pointer-events="none"', "", svg)
    svg = re.sub(r'<path aria-label="([^"]*)"([^>]*?)/>', r"<path\2><title>\1</title></path>", svg)
    svg = re.sub(r' aria-label="[^"]*"', "", svg)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{escape(said)}" ', 1))
