import pytest

from auditlens.report.erasure import erasure_sentence, left_out
from auditlens.report.page import render_page
from auditlens.stages.erasure import ErasureFinding
from auditlens.stages.estimate import Estimate


def finding(low, high, value=None, **fields):
    value = (low + high) / 2 if value is None else value
    described = {"n_images": 80, "n_without_mask": 0, "n_unfit": 0, "area": 0.21} | fields
    return ErasureFinding(
        class_name="melanoma", **described,
        clean=Estimate(value=0.93, low=0.9, high=0.95), erased=Estimate(value=value, low=low, high=high),
        drop=Estimate(value=0.38, low=0.3, high=0.45),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.45, 0.6, "contains chance"), (0.6, 0.7, "more than chance"), (0.2, 0.4, "less than chance")],
)
def test_the_sentence_says_which_side_of_chance(low, high, said):
    assert said in erasure_sentence(finding(low, high))


def test_what_cannot_be_said_gives_its_reason():
    row = finding(0.4, 0.6).model_copy(update={"erased": Estimate(value=None, note="too few positives (3 units)")})
    assert erasure_sentence(row).endswith("cannot be said: too few positives (3 units).")


def test_images_that_could_not_take_part_are_named():
    assert left_out(finding(0.4, 0.6)) == ""
    assert left_out(finding(0.4, 0.6, n_without_mask=1, n_unfit=2)) == (
        "1 image without a mask and 2 images whose mask is empty or leaves no skin"
    )


def test_the_report_shows_it_among_the_controls(record, run_dir):
    update = {"erasures": (finding(0.45, 0.65, 0.55, n_unfit=2),)}
    page = render_page(
        run_dir, record.model_copy(update={"findings": record.findings.model_copy(update=update)}), "html"
    )
    assert "The lesion erased" in page
    assert "its interval contains chance" in page
    assert "Left out: 2 images" in page
    assert "The lesion erased" not in render_page(run_dir, record, "html")
