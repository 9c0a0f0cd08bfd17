"""Combinations in the report and in the table."""

import pytest

from auditlens.report.combinations import COMBINATION_COLUMNS, combination_rows, combination_views
from auditlens.report.page import render_page
from auditlens.report.tables import TABLES, parquet_bytes
from auditlens.stages.combinations import CombinationPictures
from tests.unit.findings.test_combinations import NAMES, evidence_of, judged


@pytest.fixture(scope="module")
def findings():
    return judged(evidence_of({("a", "b"): 0.6, NAMES: -0.4}))


@pytest.fixture
def with_combinations(record):
    def make(*rows):
        return record.model_copy(update={"findings": record.findings.model_copy(update={"combinations": rows})})

    return make


def section(page):
    start = page.index('<section aria-labelledby="combinations"')
    return page[start : page.index("</section>", start)]


def test_the_section_shows_sum_combination_and_difference(with_combinations, run_dir, findings):
    page = render_page(run_dir, with_combinations(*findings.values()), "html")
    shown = section(page)
    assert "A a + a b" in shown and "above the sum" in shown and "below the sum" in shown
    assert shown.count("no difference shown") == 2
    assert shown.count('<svg class="bar"') == 4 + 1  # one per combination, and the scale
    assert "together +0" in shown and "sum of singles +0" in shown
    assert 'href="#combinations"' in page


def test_without_combinations_there_is_no_section_and_no_entry(record, run_dir):
    page = render_page(run_dir, record, "html")
    assert 'aria-labelledby="combinations"' not in page and 'href="#combinations"' not in page


def test_pictures_have_their_titles(with_combinations, run_dir, findings):
    pictures = CombinationPictures(
        image_id="img_3", true_class="benign", titles=("as it is", "together"), probabilities=(0.2, 0.7),
        files=("images/x.jpg", "images/y.jpg"),
    )  # fmt: skip
    row = findings["a", "b"].model_copy(update={"pictures": pictures})
    shown = section(render_page(run_dir, with_combinations(row), "html"))
    assert "together: <b>0.700</b>" in shown and shown.count("<li ") == 2


def test_the_table_has_a_row_per_measure(with_combinations, findings):
    record = with_combinations(findings["a", "b"])
    rows = combination_rows(record)
    by_measure = {row["measure"]: row for row in rows if row["to_class"] is None}
    assert by_measure["margin, interaction"]["value"] == findings["a", "b"].interaction.value
    assert by_measure["margin of a alone"]["value"] == findings["a", "b"].singles[0].value
    assert rows[0]["artefacts"] == ["a", "b"]
    assert parquet_bytes(rows, COMBINATION_COLUMNS) and "combinations" in TABLES
    assert len(combination_views(record)) == 1
