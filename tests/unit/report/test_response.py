import pytest

from auditlens.report.page import render_page
from auditlens.report.response import N_UNLABELLED, response_rows, response_views
from auditlens.report.tables import TABLES, parquet_bytes
from auditlens.stages.estimate import Estimate
from auditlens.stages.response import ComponentResponse, ResponseFinding
from auditlens.stages.states import ComponentState


def component(index, kind, label=None):
    return ComponentResponse(
        id=f"features.18:{index}", index=index, kind=kind, label=label, relevance=0.04, raw=1.2, p_adjusted=0.001,
        state=ComponentState.SPURIOUS if label else ComponentState.UNEXPECTED,
        response=Estimate(value=1.31, low=0.9, high=1.7), contribution=Estimate(value=-0.123, low=-0.2, high=-0.05),
    )  # fmt: skip


def finding(layer="features.18", concepts=("ruler",), told=None):
    rows = [component(1, "responds", "ruler"), component(2, "silent", "ruler"), component(3, "unclear", "ruler")]
    rows += [component(10 + k, "without label") for k in range(9)]
    return ResponseFinding(
        artefact="ruler", class_name="melanoma", layer=layer, concepts=concepts, n_trials=80, n_relevant=40,
        n_responding=10, n_labelled=3, n_labelled_responding=1, n_labelled_silent=1, components=tuple(rows),
        change=Estimate(value=2.5, low=2.0, high=3.0), by_labelled=Estimate(value=1.75, low=1.5, high=2.0),
        by_others=Estimate(value=0.75, low=0.5, high=1.0), sentence="Of 3 labelled components, 1 responds.",
        told=told or Estimate(value=0.8, low=0.7, high=0.9),
    )  # fmt: skip


@pytest.fixture
def with_findings(record):
    def make(*rows):
        return record.model_copy(update={"findings": record.findings.model_copy(update={"responses": rows})})

    return make


def test_the_last_layer_comes_first_and_in_detail(with_findings):
    record = with_findings(finding("features.9"), finding())
    model = record.plan.model.model_copy(update={"layers": ("features.9", "features.18")})
    record = record.model_copy(update={"plan": record.plan.model_copy(update={"model": model})})
    views = response_views(record)
    assert [view.layer for view in views] == ["features.18", "features.9"]
    assert [view.detailed for view in views] == [True, False]
    (row,) = views[0].rows
    assert [found.kind for found in row.labelled] == ["responds", "silent", "unclear"]
    assert len(row.unlabelled) == N_UNLABELLED and row.n_left_out == 9 - N_UNLABELLED


def test_the_report_confronts_labels_and_responses(with_findings, run_dir):
    page = render_page(run_dir, with_findings(finding()), "html")
    section = page[page.index('aria-labelledby="response"') :]
    section = section[: section.index("</section>")]
    assert "1 of 3" in section and "1 silent" in section and "1 unclear" in section and ">9<" in section
    assert "+1.75" in section and "\N{MINUS SIGN}0.123" in section
    assert "Of 3 labelled components, 1 responds." in section
    assert "3 more stand in tables/responses.parquet" in section
    assert 'href="#response"' in page


def test_what_cannot_be_told_is_said(with_findings, run_dir):
    wide = Estimate(value=0.6, low=0.0, high=1.0, note="too few negatives (2 units)")
    page = render_page(run_dir, with_findings(finding(concepts=(), told=wide)), "html")
    assert "too few to tell" in page and "no label counts" in page


def test_what_contributions_miss_is_said_where_it_is_large(with_findings, run_dir):
    row = finding()
    assert "not explained" not in render_page(run_dir, with_findings(row), "html")
    bent = row.model_copy(update={"change": Estimate(value=3.0, low=2.5, high=3.5)})
    assert "+0.50 not explained" in render_page(run_dir, with_findings(bent), "html")


def test_without_responses_there_is_no_section(record, run_dir):
    page = render_page(run_dir, record, "html")
    assert "Response by component" not in page and 'href="#response"' not in page


def test_every_listed_component_is_a_row_of_the_table(with_findings):
    rows = response_rows(with_findings(finding()))
    assert len(rows) == 12
    assert rows[0]["kind"] == "responds" and rows[0]["contribution_value"] == -0.123
    assert parquet_bytes(rows, TABLES["responses"][1])
