import pytest

from auditlens.report.ablation import ablation_views, agreement_sentence
from auditlens.report.bars import dots
from auditlens.report.page import render_page
from auditlens.report.tables import ablation_rows
from auditlens.stages.ablation import AblationAgreement, AblationFinding
from auditlens.stages.estimate import Estimate


def silenced(kind, name, change, n=1):
    return AblationFinding(
        class_name="melanoma", layer="features.18", kind=kind, name=name, n_components=n, relevance_share=0.1,
        margin=Estimate(value=change, low=change - 0.1, high=change + 0.1), magnitude=abs(change),
        probability=Estimate(value=change / 10), decisions=Estimate(value=0.2, low=0.1, high=0.3),
    )  # fmt: skip


@pytest.fixture
def silenced_record(record):
    rows = [silenced("component", f"features.18:{k}", -0.01 * k) for k in range(12)]
    rows += [
        silenced("label", "ruler", -1.5, 4),
        silenced("label", "hair", 0.2, 2),
        silenced("state", "spurious", -1, 6),
    ]
    agreement = AblationAgreement(
        layer="features.18", class_name="melanoma", n_components=12, n_images=80,
        rank_correlation=Estimate(value=0.83, low=0.5, high=0.95),
    )  # fmt: skip
    update = {"ablations": tuple(rows), "ablation_agreement": (agreement,)}
    return record.model_copy(update={"findings": record.findings.model_copy(update=update)})


def test_groups_come_first_and_the_strongest_single_ones_after(silenced_record):
    (view,) = ablation_views(silenced_record)
    assert [view.title(row) for row in view.groups] == ["all spurious ones", "ruler", "hair"]
    assert [row.name for row in view.single][:2] == ["features.18:11", "features.18:10"]
    assert view.n_single == 12 > len(view.single)


def test_the_report_shows_them_and_their_agreement(silenced_record, run_dir):
    page = render_page(run_dir, silenced_record, "html")
    assert "What silencing components does" in page
    assert "\N{MINUS SIGN}1.50" in page and "0.50 to 0.95" in page
    assert 'href="#ablation"' in page


def test_without_ablation_there_is_no_section(record, run_dir):
    page = render_page(run_dir, record, "html")
    assert "What silencing components does" not in page and 'href="#ablation"' not in page


def test_what_cannot_be_told_is_said():
    row = AblationAgreement(
        layer="l", class_name="c", n_components=3, n_images=9, rank_correlation=Estimate(value=None, note="too few")
    )
    assert agreement_sentence(row).endswith("cannot be told: too few.")


def test_every_group_is_a_row_of_the_table(silenced_record):
    rows = ablation_rows(silenced_record)
    assert len(rows) == 15
    assert next(row for row in rows if row["name"] == "ruler")["margin_value"] == -1.5


def test_dots_stand_where_their_numbers_are():
    drawn = str(dots([(1.0, 2.0, "a"), (2.0, 1.0, "<b>")], "x", "y", (200, 100)))
    assert drawn.count("<circle") == 2 and "&lt;b&gt;" in drawn
