import pytest

from auditlens.report.mediation import mediation_rows, mediation_views
from auditlens.report.page import render_page
from auditlens.report.tables import TABLES, parquet_bytes
from auditlens.stages.estimate import Estimate
from auditlens.stages.mediation import MediatedSet, MediationFinding

NOT_CLEAR = "the total effect is not clear of zero, so it has no share"


def mediated(kind, share, **changes):
    return MediatedSet(
        kind=kind, components=("features.18:1", "features.18:2"), relevance_share=0.12, n_trials=80, n_left_out=20,
        share=share, probability=share, **changes,
    )  # fmt: skip


def finding(**changes):
    sets = (
        mediated(
            "labelled", Estimate(value=0.81, low=0.7, high=0.93), controls=Estimate(value=0.06, low=0.01, high=0.11),
            beyond_controls=Estimate(value=0.75, low=0.6, high=0.9), n_controls=10, control_relevance=0.11,
        ),
        mediated("responding", Estimate(value=1.1, low=-3.0, high=9.0), controls=Estimate(value=0.2, low=0.1, high=0.3),
                 n_controls=10, control_relevance=0.35, matched=False),
        mediated("spurious", Estimate(value=None, note=NOT_CLEAR)),
    )  # fmt: skip
    fields = {
        "artefact": "ruler", "class_name": "melanoma", "layer": "features.18", "concepts": ("ruler",), "n_trials": 100,
        "total": Estimate(value=1.25, low=0.9, high=1.6), "sets": sets, "sentence": "81 % runs through them.",
    }  # fmt: skip
    return MediationFinding(**fields | changes)


@pytest.fixture
def with_findings(record):
    def make(*rows):
        return record.model_copy(update={"findings": record.findings.model_copy(update={"mediations": rows})})

    return make


def section_of(page):
    section = page[page.index('aria-labelledby="mediation"') :]
    return section[: section.index("</section>")]


def test_the_report_shows_shares_beside_random_ones(with_findings, run_dir):
    page = render_page(run_dir, with_findings(finding()), "html")
    section = section_of(page)
    for text in ("81.0", "6.0", "75.0", "+1.25", "Labelled so", "That respond", "with 35.0", NOT_CLEAR):
        assert text in section, text
    assert 'href="#mediation"' in page and "section 3b" in section


def test_wide_intervals_are_cut_at_the_edge_of_the_picture_only(with_findings, run_dir):
    record = with_findings(finding())
    (view,) = mediation_views(record)
    assert view.axis.low > -0.7 and view.axis.high < 1.7
    assert "900.0" in section_of(render_page(run_dir, record, "html"))


def test_an_effect_that_is_not_clear_has_its_reason_once(with_findings, run_dir):
    row = finding(sets=(mediated("labelled", Estimate(value=None, note=NOT_CLEAR)),) * 2)
    assert section_of(render_page(run_dir, with_findings(row), "html")).count(NOT_CLEAR) == 1
    nothing = section_of(render_page(run_dir, with_findings(finding(sets=())), "html"))
    assert "no component of the layer is labelled so, responds or carries a spurious label" in nothing


def test_without_it_there_is_no_section(record, run_dir):
    page = render_page(run_dir, record, "html")
    assert "What the effect runs through" not in page and 'id="mediation"' not in page


def test_the_table_has_a_row_per_set(with_findings):
    rows = mediation_rows(with_findings(finding()))
    assert [row["kind"] for row in rows] == ["labelled", "responding", "spurious"]
    assert rows[0]["share_value"] == 0.81 and rows[2]["share_note"] == NOT_CLEAR and rows[0]["n_components"] == 2
    assert set(rows[0]) == set(TABLES["mediation"][1])
    assert parquet_bytes(rows, TABLES["mediation"][1]) == parquet_bytes(rows, TABLES["mediation"][1])
