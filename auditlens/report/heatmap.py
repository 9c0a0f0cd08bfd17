"""A small heat map: one set of names against itself, a number in every cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from auditlens.report.bars import GREY, INK

CELL, LABEL, HEAD = 62, 150, 26
LONGEST = 20


def heatmap(names: Sequence[str], values: Mapping[tuple[str, str], float], said: str) -> Markup:
    """Draw values between 0 and 1 by row (first of the pair) and column; darker is higher, the diagonal is left out.

    Parameters
    ----------
    names : sequence of str
    values : mapping of (row, column) to float
        Cells without a value stay empty.
    said : str
        What the picture shows, for those who do not see it.
    """
    width, height = LABEL + CELL * len(names) + 4, HEAD + CELL // 2 * len(names) + 4
    parts = [_heading(place, name) for place, name in enumerate(names)]
    for row, name in enumerate(names):
        parts.append(_words(LABEL - 8, HEAD + CELL // 2 * row + 20, _short(name), INK, "end"))
        parts += [_cell(row, column, values.get((name, other))) for column, other in enumerate(names)]
    text = escape(said)
    head = f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-label="{text}">'
    return Markup(f"{head}<title>{text}</title>{''.join(parts)}</svg>")


def _heading(column: int, name: str) -> str:
    short = name.rsplit(".", 1)[-1]
    return _words(LABEL + CELL * column + CELL / 2, 17, short[:9], INK, "middle")


def _cell(row: int, column: int, value: float | None) -> str:
    x, y, tall = LABEL + CELL * column, HEAD + CELL // 2 * row, CELL // 2
    if value is None:
        return f'<rect x="{x}" y="{y}" width="{CELL - 2}" height="{tall - 2}" fill="#f3f5f7"/>'
    shade = min(max(value, 0.0), 1.0)
    fill = "#" + "".join(f"{round(255 + (end - 255) * shade):02x}" for end in (31, 95, 168))
    colour = "#ffffff" if shade > 0.6 else INK
    box = f'<rect x="{x}" y="{y}" width="{CELL - 2}" height="{tall - 2}" fill="{fill}"/>'
    return box + _words(x + CELL / 2 - 1, y + 19, f"{value:.2f}".replace("-", "\N{MINUS SIGN}"), colour, "middle")


def _words(x: float, y: float, text: str, colour: str, anchor: str) -> str:
    style = f'font-family="Inter, sans-serif" font-size="11" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y}" fill="{colour or GREY}" {style}>{escape(text)}</text>'


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else "\N{HORIZONTAL ELLIPSIS}" + name[-LONGEST:]
