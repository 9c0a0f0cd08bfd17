"""The section and the table of the separability test."""

import pytest

from auditlens.report.page import render_page
from auditlens.report.separability import ACROSS, SEPARABILITY_COLUMNS, separability_rows, separability_views
from auditlens.report.tables import TABLES, parquet_bytes
from auditlens.stages.estimate import Estimate
from auditlens.stages.separability import SeparabilityFinding


def estimate(value, reach=0.05):
    return Estimate(value=value, low=value - reach, high=min(value + reach, 1.0))


def finding(**changes):
    described = {
        "name": "ruler", "class_name": "melanoma", "source": "other classes", "artefacts": ("ruler",),
        "n_class_images": 60, "n_images": 140, "with_artefact": estimate(0.7), "without": estimate(0.9),
        "sham": estimate(0.88), "drop": estimate(0.2), "drop_beyond_sham": estimate(0.18),
    }  # fmt: skip
    return SeparabilityFinding(**(described | changes))


FOLDER = finding(
    name="real_rulers", source="images", artefacts=(), without=None, sham=None, drop=None, drop_beyond_sham=None
)


@pytest.fixture
def with_findings(record):
    def make(*rows):
        return record.model_copy(update={"findings": record.findings.model_copy(update={"separability": rows})})

    return make


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "makes other images look like the class"),
        ({"drop_beyond_sham": estimate(-0.2)}, "less like it"),
        ({"drop_beyond_sham": estimate(0.01)}, "not clear of zero"),
        ({"drop_beyond_sham": None, "drop": estimate(0.01)}, "not clear of zero"),
        ({"drop_beyond_sham": Estimate(value=None, note="no positives")}, "no positives"),
    ],
)
def test_a_line_says_what_the_paired_drop_shows(with_findings, changes, said):
    (view,) = separability_views(with_findings(finding(**changes)))
    assert said in view.rows[0].reading


def test_a_folder_is_marked_as_measuring_the_source_too(with_findings, run_dir):
    page = render_page(run_dir, with_findings(finding(), FOLDER), "html")
    section = page.split('id="separability"')[1].split("</section>")[0]
    assert ACROSS in section
    assert "Real rulers" in section
    assert "a folder of images" in section
    assert "0.700" in section
    assert "+0.180" in section
    assert "without: 0.900" in section


def test_a_combination_names_its_artefacts(with_findings):
    both = finding(name="combined", artefacts=("ruler", "band_aid"))
    (view,) = separability_views(with_findings(both))
    assert " + " in view.rows[0].label


def test_without_the_test_there_is_no_section(record, run_dir):
    page = render_page(run_dir, record, "html")
    assert 'id="separability"' not in page
    assert "4c Told from" not in page


def test_the_table_has_every_number(with_findings):
    rows = separability_rows(with_findings(finding(), FOLDER))
    assert [row["source"] for row in rows] == ["other classes", "images"]
    assert rows[0]["drop_low"] == pytest.approx(0.15)
    assert rows[1]["drop_value"] is None
    assert rows[0]["artefacts"] == ["ruler"]
    assert set(rows[0]) == set(SEPARABILITY_COLUMNS)
    assert parquet_bytes(rows, TABLES["separability"][1])
