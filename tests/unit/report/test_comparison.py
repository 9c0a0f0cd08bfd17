"""`compare.html`, `compare.md`, `compare.json`: what they say, and what is refused."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auditlens.errors import InputError
from auditlens.findings.comparison import compare_runs
from auditlens.report.answers import keep_answers
from auditlens.report.comparison import compare, html, markdown, tables, write_comparison
from auditlens.report.comparison_charts import common_axis, models_row
from auditlens.report.comparison_rows import difference_text, is_clear, leading_sentences
from auditlens.report.wording import minus
from auditlens.report.write import write_all
from auditlens.stages.comparison import COMPARISON_VERSION, Comparison
from auditlens.stages.findings import Estimate
from auditlens.store.run_folder import RunFolder
from tests.unit.findings.compared_runs import make_run
from tests.unit.report.page_reader import Page


@pytest.fixture(scope="module")
def comparison():
    return compare_runs([make_run("vanilla", 0, 1.5), make_run("pruned", 2, 1.4), make_run("retrained", 1, 0.3)])


@pytest.fixture(scope="module")
def text(comparison):
    return html(comparison)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two run folders on disk, the second without kept answers."""
    made = []
    for name, run in (("a", make_run("a", 0, 1.5)), ("b", make_run("b", 1, 0.3))):
        place = tmp_path_factory.mktemp("runs") / name
        folder = RunFolder(place)
        keep_answers(folder, run.answers)
        write_all(place, run.record, ("record.json",))
        made.append(place)
    return made


def test_the_page_is_sound_and_reads_nothing_from_outside(text):
    page = Page(text)
    assert page.wrong == []
    assert page.all("html") == [{"lang": "en"}] and len(page.all("h1")) == 1
    assert page.all("script") == [] and page.all("img") == [] and page.all("a") == []
    assert all(url.startswith("data:") for url in re.findall(r"url\(\"?([^)\"]+)", text))
    assert "default-src 'none'" in text and "http" not in text.replace("http-equiv", "").replace("www.w3", "")
    assert all(header.get("scope") in ("col", "row") for header in page.all("th"))
    assert all(svg.get("aria-label") or svg.get("aria-hidden") == "true" for svg in page.all("svg"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_page_shows_runs_gates_artefacts_states_and_differences(text, comparison):
    page = Page(text)
    for word in ("vanilla", "pruned", "retrained", "A ruler", "spurious", "Sensitivity"):
        assert word in page.text
    for gate in comparison.gates:
        assert gate.id in page.text
    (artefact,) = comparison.artefacts
    row = next(
        row for row in artefact.rows if (row.measure, row.part, row.true_class) == ("probability", "beyond", None)
    )
    assert difference_text(row.values[2].difference, "signed") in page.text


def test_names_of_runs_are_escaped():
    run = make_run("<b>x</b> {{ 7 * 7 }}", 0, 1.0)
    page = html(compare_runs([run, make_run("y", 1, 0.5)]))
    assert "<b>x</b>" not in page and "{{ 7 * 7 }}" in Page(page).text


def test_the_markdown_holds_every_table_and_no_open_markup(comparison):
    text = markdown(comparison)
    for table in tables(comparison):
        assert len(table.lines) > 0
    lines = text.splitlines()
    for header in (line for line in lines if line.startswith("|  |")):
        assert header.count("|") == len(comparison.runs) + 2
    assert text.count("## ") == len(tables(comparison))
    assert all(line.count(" | ") == len(comparison.runs) for line in lines if line.startswith("| A ruler"))


def test_the_json_comes_back_and_has_a_version(comparison, tmp_path):
    written = write_comparison(tmp_path / "out", comparison)
    assert set(written) == {"compare.html", "compare.md", "compare.json"}
    content = written["compare.json"].read_text()
    assert json.loads(content)["schema_version"] == COMPARISON_VERSION
    assert Comparison.model_validate_json(content) == comparison
    assert comparison.to_json() == content


def test_the_leading_artefact_is_told_with_what_became_of_it(comparison):
    sentences = leading_sentences(comparison)
    assert sentences[0].startswith("vanilla: the artefact that moves P(melanoma) most is a ruler, by +0.")
    assert sentences[2].startswith("retrained: a ruler moves it by") and "difference \N{MINUS SIGN}0." in sentences[2]


@pytest.mark.parametrize(
    ("estimate", "kind", "text", "clear"),
    [
        (None, "signed", "", False),
        (Estimate(value=None, note="x"), "signed", "", False),
        (Estimate(value=0.0, low=0.0, high=0.0), "signed", "+0.000 (+0.000 to +0.000)", False),
        (Estimate(value=-0.02, low=-0.05, high=0.01), "signed", "-0.020 (-0.050 to +0.010)", False),
        (Estimate(value=0.041, low=0.01, high=0.08), "percent", "+4.1 pp (+1.0 to +8.0)", True),
        (Estimate(value=-0.3), "score", "-0.300 (no interval)", False),
    ],
)
def test_differences_have_a_sign_and_a_unit(estimate, kind, text, clear):
    assert difference_text(estimate, kind) == minus(text)
    assert is_clear(estimate) is clear


def test_a_forest_row_has_a_mark_per_model_that_was_measured():
    rows = [[Estimate(value=0.4, low=0.3, high=0.5), None, Estimate(value=0.1, low=0.0, high=0.2)]]
    drawn = str(models_row(common_axis(rows), rows[0], ["a", "b", "c"]))
    assert drawn.count("<g ") == 2
    assert "a +0.400 (+0.300 to +0.500); c +0.100" in drawn


def test_two_folders_compare_and_give_equal_bytes_again(folders, tmp_path):
    first = compare(folders, out=tmp_path / "x")
    again = compare(folders, out=tmp_path / "y")
    assert first == again
    assert [run.name for run in first.runs] == ["a", "b"]
    assert first.artefacts[0].pairing == ("first", "paired")
    for name in ("compare.html", "compare.md", "compare.json"):
        assert (tmp_path / "x" / name).read_bytes() == (tmp_path / "y" / name).read_bytes()


def test_writing_the_reports_again_leaves_the_answers_alone_and_the_manifest_covers_them(folders):
    before = {name: (folders[0] / "tables" / name).read_bytes() for name in ("trials.parquet", "predictions.parquet")}
    from auditlens.report.reading import read_record

    write_all(folders[0], read_record(folders[0] / "record.json"), ("record.json", "tables/gates.parquet"))
    assert {name: (folders[0] / "tables" / name).read_bytes() for name in before} == before
    listed = (folders[0] / "MANIFEST.sha256").read_text()
    assert all(f"  tables/{name}\n" in listed for name in before)


def test_a_wrong_call_says_what_is_valid(folders, tmp_path):
    with pytest.raises(InputError, match="two or more run folders"):
        compare(folders[:1])
    with pytest.raises(InputError, match="there is no folder"):
        compare([folders[0], tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="name a run folder"):
        compare([folders[0], tmp_path / "empty"])
    with pytest.raises(InputError, match="several runs are called 'a'"):
        compare([folders[0], folders[0]])
    with pytest.raises(InputError, match="1 name for 2 runs"):
        compare(folders, names=["x"])
    with pytest.raises(InputError, match="a name is empty"):
        compare(folders, names=["x", " "])
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        compare(folders, out=tmp_path / "file")


def test_a_broken_table_is_told_with_its_file(folders, tmp_path):
    place = tmp_path / "broken"
    shutil.copytree(folders[0], place)
    (place / "tables" / "trials.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match=r"trials\.parquet cannot be read"):
        compare([folders[0], place])


def test_comparing_loads_no_torch():
    code = "import sys, auditlens; auditlens.compare; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3]).returncode == 0
