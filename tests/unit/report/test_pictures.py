"""Bars, the scatter, and pictures of the run folder."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from auditlens.errors import IntegrityError
from auditlens.report.bars import MARKS, Axis, gate_bar, mark, stacked_bar
from auditlens.report.pictures import Pictures
from auditlens.report.scatter import place_names, scatter_svg
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState, ConceptState, GateState
from tests.unit.report.synthetic_record import Artist, estimate, gate


def test_every_state_has_a_mark_of_its_own() -> None:
    for states in (GateState, ComponentState, ConceptState):
        marks = [MARKS[state] for state in states]
        assert len(set(marks)) == len({shape for shape, _ in marks}) == len(marks)
        assert all("<svg" in mark(state) for state in states)


@pytest.mark.parametrize(("relation", "bound"), [("<=", 0.02), (">=", 0.8), ("within", 0.03)])
def test_limit_and_interval_lie_inside_the_bar(relation: str, bound: float) -> None:
    picture = ElementTree.fromstring(str(gate_bar(gate("g", "auroc", relation, bound), estimate(0.41, 0.3), "#b3261e")))
    positions = [float(line.get(name, "nan")) for line in picture.iter("line") for name in ("x1", "x2")]
    assert positions
    assert all(0 <= x <= 150 for x in positions)
    assert picture.get("aria-label", "").startswith("0.410 (0.110 to 0.710)")


def test_a_larger_value_stands_further_right() -> None:
    axis = Axis(-0.2, 0.5, 200)
    assert axis.at(-0.2) < axis.at(0.0) < axis.at(0.5)
    assert axis.ticks() == pytest.approx([-0.2, 0.0, 0.2, 0.4])


def test_a_stacked_bar_covers_its_width() -> None:
    svg = ElementTree.fromstring(str(stacked_bar([("a", 0.25, "#0f6e56"), ("b", 0.75, "#b3261e")], 400)))
    widths = [float(rect.get("width", "0")) + 1 for rect in svg.iter("rect")]
    assert widths == pytest.approx([100, 300])


def test_the_scatter_is_one_picture_with_a_tooltip_per_component(record: AuditRecord) -> None:
    rows = record.findings.components[:8:2]
    text = str(scatter_svg(rows, 3.0, "p-"))
    svg = ElementTree.fromstring(text)
    titles = [title.text or "" for title in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert all(any(row.id in title for title in titles) for row in rows)
    assert all(name.startswith("p-") for name in re.findall(r'\bid="([^"]+)"', text))
    assert text == str(scatter_svg(rows, 3.0, "p-"))


def test_names_in_the_scatter_keep_apart() -> None:
    rows = [{"x": 5.0, "y": 5.0 - 0.01 * n, "name": "jagged border"} for n in range(4)]
    place_names(rows, 0.0, 10.0)
    assert [row["side"] for row in rows] == ["right", "left", "", ""]
    apart = [{"x": 2.0, "y": y, "name": "ruler"} for y in (2.0, 8.0)] + [
        {"x": 9.9, "y": 5.0, "name": "long name at the edge"}
    ]
    place_names(apart, 0.0, 10.0)
    assert [row["side"] for row in apart] == ["right", "right", "left"]


def test_a_picture_is_shrunk_to_the_size_it_is_shown_at(tmp_path: Path) -> None:
    artist = Artist(tmp_path, 0)
    name = artist.draw("large", size=400)
    uri = Pictures(tmp_path, artist.digests).uri(name, 50)
    assert uri is not None
    kind, _, payload = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(payload))).size == (100, 100)


def test_a_picture_outside_the_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="outside the run folder"):
        Pictures(tmp_path / "run", {}).uri("../secret.png", 10)
