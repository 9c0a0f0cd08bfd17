"""Dose curves in the report and in the table."""

import re

import numpy as np
import pytest

from auditlens.report.curves import Curve, Limit, curves_svg
from auditlens.report.doses import DOSE_COLUMNS, dose_rows, dose_views
from auditlens.report.page import render_page
from auditlens.report.tables import TABLES, parquet_bytes
from auditlens.stages.doses import DosePicture, DoseStrip
from auditlens.stages.estimate import Estimate
from tests.unit.findings.test_doses import gate, judged, noise, world


@pytest.fixture(scope="module")
def finding():
    flips = gate("decision_flips_beyond_sham", "<=", 0.2, from_class="benign", to_class="melanoma")
    own = gate("artefact_effect", "within", 0.15, true_class="benign").model_copy(update={"id": "own_class"})
    limits = (gate(), flips.model_copy(update={"id": "flips"}), own)
    return judged(*world(np.array((0.0, 0.05, 0.3)) + noise(60)), *limits)


@pytest.fixture
def with_doses(record):
    def make(*rows):
        return record.model_copy(update={"findings": record.findings.model_copy(update={"doses": rows})})

    return make


def section(page):
    start = page.index('<section aria-labelledby="doses"')
    return page[start : page.index("</section>", start)]


def test_the_section_shows_curve_limits_and_levels(with_doses, run_dir, finding):
    page = render_page(run_dir, with_doses(finding), "html")
    shown = section(page)
    assert shown.count('<svg class="curve"') == 2
    assert "rises with the size" in shown and "The limit is broken at 2" in shown
    assert "own_class" in shown and "benign images, as own_class reads it" in shown
    assert 'href="#doses"' in page
    assert shown.count('<th scope="row" class="num">') == 3


def test_without_doses_there_is_no_section_and_no_entry(record, run_dir):
    page = render_page(run_dir, record, "html")
    assert 'aria-labelledby="doses"' not in page and 'href="#doses"' not in page


def test_a_strip_shows_the_image_at_every_level_and_its_shams(with_doses, run_dir, finding):
    pictures = [DosePicture(level=None, probability=0.4, sham=None, files={"image": "images/none.jpg"})]
    pictures += [
        DosePicture(level=level, probability=0.5, sham=0.41, files={"image": "images/a.jpg", "sham": "images/b.jpg"})
        for level in (0.5, 1.0, 2.0)
    ]
    strip = DoseStrip(image_id="img_7", true_class="benign", pictures=tuple(pictures))
    shown = section(render_page(run_dir, with_doses(finding.model_copy(update={"strip": strip})), "html"))
    assert shown.count("<li ") == 8 and "img_7" in shown and "sham of 2: <b>0.410</b>" in shown


def estimates(*triples):
    return tuple(Estimate(value=value, low=low, high=high) for value, low, high in triples)


def y_of(svg, pattern):
    return [float(found) for found in re.findall(pattern, svg)]


def test_the_limit_is_drawn_where_its_value_lies():
    curve = Curve("effect", "#1c2430", "diamond", estimates((0.0, -0.1, 0.1), (0.2, 0.1, 0.3)))
    svg = str(curves_svg((1, 2), [curve], [Limit("<=", 0.2)], "signed", "Change", "dose"))
    (dashed,) = y_of(svg, r'y1="([\d.]+)"[^>]*stroke-dasharray')
    first, second = y_of(svg, r'<path d="M[\d.]+ ([\d.]+)l4.4')
    assert second + 4.4 == pytest.approx(dashed, abs=0.02)  # the second point lies on the limit
    assert first > second  # upwards is less in pixels
    assert svg.count("<rect") == 1  # what lies outside is shaded
    both = str(curves_svg((1, 2), [curve], [Limit("within", 0.2)], "signed", "Change", "dose"))
    assert both.count("<rect") == 2 and both.count("stroke-dasharray") == 2


def test_levels_are_drawn_to_scale_and_missing_estimates_left_out():
    gap = Curve("effect", "#1c2430", "circle", (estimates((0.1, 0.0, 0.2))[0], None, Estimate(value=None)))
    svg = str(curves_svg((1, 2, 5), [gap], [], "percent", "Turned", "copies"))
    assert svg.count("<circle") == 1
    ticks = [float(x) for x in re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="middle" >[125]<', svg)]
    assert len(ticks) == 3
    assert (ticks[2] - ticks[1]) == pytest.approx(3 * (ticks[1] - ticks[0]), abs=0.3)


def test_the_table_has_a_row_per_level_and_measure(with_doses, finding):
    rows = dose_rows(with_doses(finding))
    assert len(rows) == 3 * 3
    assert {row["measure"] for row in rows} == {"probability", "flip of benign", "flip of melanoma"}
    assert rows[0]["beyond_value"] == finding.levels[0].beyond.value
    assert parquet_bytes(rows, DOSE_COLUMNS) and "doses" in TABLES


def test_views_keep_the_order_of_the_findings(with_doses, finding):
    other = finding.model_copy(update={"dimension": "opacity"})
    assert [view.title for view in dose_views(with_doses(finding, other))] == ["a mark, by scale", "a mark, by opacity"]
