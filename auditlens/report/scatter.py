"""The scatter of valid against spurious alignment, as a Vega-Lite chart turned into one SVG for HTML and PDF."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from auditlens.report.bars import GREY, INK, MARKS, RULE
from auditlens.report.wording import minus, number, plain
from auditlens.stages.findings import Alignment, ComponentFinding
from auditlens.stages.states import ComponentState

FONT = "Inter, sans-serif"
VEGA_SHAPES = {"circle": "circle", "square": "square", "diamond": "diamond", "triangle": "triangle-up", "ring": "circle", "dot": "circle"}
STATES = tuple(ComponentState)
N_NAMED = 8
"""Components named in the chart, by relevance."""


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
    import vl_convert

    svg = vl_convert.vegalite_to_svg(json.dumps(chart(components, threshold)))
    return _inline(svg, prefix, f"Valid against spurious alignment of {len(components)} components")


def chart(components: Sequence[ComponentFinding], threshold: float) -> dict[str, Any]:
    """Describe the chart in Vega-Lite, through Altair."""
    import altair as alt

    rows = [_row(component) for component in components]
    extent = [value for row in rows for value in (row["x"], row["y"])]
    low, high = min([-2.0, *extent]) - 0.8, max([threshold + 1.5, *extent]) + 0.8
    scale = alt.Scale(domain=[low, high], nice=False)
    words = [state.value for state in STATES]
    base = alt.Chart(alt.Data(values=rows))
    points = base.mark_point(filled=True, opacity=0.88, strokeWidth=1.6).encode(
        x=alt.X("x:Q", scale=scale, title="alignment with the best valid concept (z)"),
        y=alt.Y("y:Q", scale=scale, title="alignment with the best spurious concept (z)"),
        size=alt.Size("share:Q", scale=alt.Scale(domain=[0, 0.25], range=[40, 900], clamp=True), legend=None),
        shape=alt.Shape(
            "state:N",
            scale=alt.Scale(domain=words, range=[VEGA_SHAPES[MARKS[state][0]] for state in STATES]),
            legend=None,
        ),
        fill=alt.Fill("fill:N", scale=None),
        stroke=alt.Stroke("stroke:N", scale=None),
        order=alt.Order("share:Q", sort="descending"),
        description="said:N",
    )
    names = base.transform_filter("datum.named").mark_text(
        align="left", baseline="middle", dx=11, fontSize=10, font=FONT, color=INK
    )
    layers = [_limits(threshold), points, names.encode(x="x:Q", y="y:Q", text="name:N")]
    return _styled(alt.layer(*layers).properties(width=430, height=330).to_dict())


def _limits(threshold: float) -> Any:
    """Draw both thresholds as dashed lines."""
    import altair as alt

    data = alt.Chart(alt.Data(values=[{"t": threshold}]))
    dashed = {"strokeDash": [4, 3], "color": GREY, "strokeWidth": 1}
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
        "named": bool(name),
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
