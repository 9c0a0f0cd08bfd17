"""Images that an artefact was not put into stand in the report, with the reason."""

from auditlens.report.page import render_page
from auditlens.stages.eligibility import LeftOut

TITLE = "Images that it was not put into"


def test_they_stand_below_how_each_artefact_was_put_in(record, run_dir):
    left = LeftOut(what="skin_type: 5 (12), 6 (3)", why="it lightens <dark> skin", n_images=1500, by_rule=True)
    rows = tuple(
        row.model_copy(update={"left_out": (left,)}) if row.artefact == "red_skin" else row
        for row in record.findings.artefacts
    )
    findings = record.findings.model_copy(update={"artefacts": rows})
    page = render_page(run_dir, record.model_copy(update={"findings": findings}), "html")
    assert page.index("How each artefact was put in") < page.index(TITLE)
    table = page[page.index(TITLE) :]
    table = table[: table.index("</table>")]
    assert "skin_type: 5 (12), 6 (3)" in table
    assert "it lightens &lt;dark&gt; skin" in table
    assert table.count("<tbody") == 1, "only artefacts that left something out"
    assert "Red skin" in table


def test_an_artefact_that_goes_everywhere_needs_no_table(record, run_dir):
    assert TITLE not in render_page(run_dir, record, "html")
