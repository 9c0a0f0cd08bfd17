"""The section and the table of artefacts taken out."""

import pytest

from auditlens.report.page import render_page
from auditlens.report.removal import REMOVAL_COLUMNS, removal_left_out, removal_rows
from auditlens.report.tables import TABLES, parquet_bytes
from auditlens.stages.estimate import Estimate
from auditlens.stages.removal import RemovalChange, RemovalFinding, RemovalFlip, RemovalPicture


def estimate(value):
    return Estimate(value=value, low=value - 0.05, high=value + 0.05, n=120, n_units=100)


PARTS = {"removed": estimate(-0.2), "control": estimate(0.02), "beyond": estimate(-0.22)}
FINDING = RemovalFinding(
    artefact="ruler", label="a ruler", class_name="melanoma", n_images=120, n_units=100, n_masks=140, n_unflagged=4,
    n_no_mask=0, n_over_lesion=0, n_no_room=16, mean_area=0.042,
    changes=(
        RemovalChange(true_class=None, scale="probability", **PARTS),
        RemovalChange(true_class="benign", scale="probability", **PARTS),
        RemovalChange(true_class=None, scale="margin", **PARTS),
    ),
    flips=(RemovalFlip(from_class="melanoma", to_class="benign", **PARTS),),
    inserted=estimate(0.25), agreement="agrees", sentence="Taking it out lowers P(melanoma): the two agree.",
    pictures=(
        RemovalPicture(image_id="17", kind="median", true_class="benign", before=0.6, after=0.3, control=0.61,
                       files={part: f"images/removals/ruler-0-{part}.jpg" for part in ("before", "after", "control")}),
    ),
)  # fmt: skip


@pytest.fixture
def removed(record):
    return record.model_copy(update={"findings": record.findings.model_copy(update={"removals": (FINDING,)})})


def test_the_section_shows_changes_pictures_and_agreement(removed, run_dir):
    page = render_page(run_dir, removed, "html")
    section = page.split('id="removal"')[1].split("</section>")[0]
    for said in ("A ruler taken out", "the two agree", "16 without room for the control", "4.2 %", "melanoma → benign"):
        assert said in section
    assert "\N{MINUS SIGN}0.220" in section
    assert "+0.250" in section
    assert "Typical (median) change" in section
    assert "4d Artefacts taken out" in page


def test_without_masks_there_is_no_section(record, run_dir):
    page = render_page(run_dir, record, "html")
    assert 'id="removal"' not in page
    assert "4d Artefacts" not in page


def test_what_was_left_out_is_counted_with_its_reason():
    assert removal_left_out(FINDING) == "4 not flagged as having it, 16 without room for the control"
    assert removal_left_out(FINDING.model_copy(update={"n_unflagged": 0, "n_no_room": 0})) == ""


def test_the_table_has_a_row_per_measure(removed):
    rows = removal_rows(removed)
    assert [row["measure"] for row in rows] == ["probability", "probability", "margin", "flips"]
    assert rows[0]["beyond_high"] == pytest.approx(-0.17)
    assert rows[3]["to_class"] == "benign"
    assert {name for row in rows for name in row} == set(REMOVAL_COLUMNS)
    assert parquet_bytes(rows, TABLES["removals"][1])
