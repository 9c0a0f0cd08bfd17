"""A folder is looked at, and a spec is drafted from what is there."""

import csv
import json

import pytest
import yaml
from PIL import Image

from auditlens.data.draft import BLANK, draft, key, to_change, word
from auditlens.data.survey import survey
from auditlens.errors import InputError, SpecError
from auditlens.spec.load import load_spec


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path)


def table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def row(number, **cells):
    given = {
        "image_path": f"{number}.png", "lesion_mask": f"m{number}.png", "dx": ("nv", "melanoma")[number % 2],
        "Patient_ID": f"p{number // 2}", "ruler": number % 2, "nails": number // 2 % 2, "always": 1,
        "site": "AB"[number % 2], "age": 40 + number, "note": f"text {number}",
    }  # fmt: skip
    return given | cells


@pytest.fixture
def derm(tmp_path):
    """A table beside its images, with a column of every kind."""
    folder = tmp_path / "derm"
    for number in range(8):
        picture(folder / f"{number}.png")
        picture(folder / f"m{number}.png")
    table(folder / "test.csv", [row(number) for number in range(8)])
    (folder / "model.safetensors").touch()
    return folder


def filled(text):
    """The draft with its blanks filled in."""
    changed = text.replace(f"architecture: {BLANK}", "architecture: timm:resnet18").replace(f"weights: {BLANK}", "")
    return changed.replace(f"threshold: {BLANK}", "threshold: 0.5").replace(f"label: {BLANK}", "label: image")


def loaded(tmp_path, found, name="audit.yaml"):
    path = tmp_path / name
    path.write_text(filled(draft(found, tmp_path)), encoding="utf-8")
    return load_spec(path).spec


def test_every_kind_of_column_is_found(derm):
    found = survey(derm)
    assert (found.image, found.label, found.unit, found.mask) == ("image_path", "dx", "Patient_ID", "lesion_mask")
    assert found.classes == (("melanoma", 4), ("nv", 4))
    assert found.flags == ("ruler", "nails")
    assert found.strata == ("site",)
    assert found.weights == derm / "model.safetensors"
    assert found.n_images == 8
    assert found.notes == ()


def test_the_draft_is_valid_once_its_blanks_are_filled_in(derm, tmp_path):
    spec = loaded(tmp_path, survey(derm))
    assert spec.model.weights == "derm/model.safetensors"
    assert spec.model.classes == ("melanoma", "nv")
    assert spec.decision.class_ == "melanoma"
    assert (spec.data.manifest, spec.data.unit, spec.data.mask) == ("derm/test.csv", "Patient_ID", "lesion_mask")
    assert spec.data.strata.by == ("site",)
    assert spec.artefacts["ruler"].column == "ruler"
    assert spec.artefacts["ruler"].kind == "ruler"
    assert spec.concepts["ruler"].column == "ruler"
    assert spec.concepts["ruler"].texts
    assert spec.concepts["nails"].texts == ("nails",)
    assert spec.classes["melanoma"].contested == ("group:unsorted",)


def test_the_draft_is_refused_as_long_as_a_blank_is_left_and_each_is_told_with_its_line(derm, tmp_path):
    text = draft(survey(derm), tmp_path)
    (tmp_path / "audit.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path / "audit.yaml")
    told = {int(line.split(":")[1]) for line in caught.value.problems}
    assert told == {number for number, _ in to_change(text)}
    assert len(told) == 2


def test_paths_are_relative_to_where_the_spec_will_stand(derm, tmp_path):
    assert "manifest: ../derm/test.csv" in draft(survey(derm), tmp_path / "specs")
    assert "manifest: test.csv" in draft(survey(derm), derm)


def test_images_in_a_folder_of_their_own_need_a_root(tmp_path):
    for number in range(4):
        picture(tmp_path / "x" / "pictures" / f"{number}.png")
    table(tmp_path / "x" / "all.csv", [{"file": f"{n}.png", "label": "ab"[n % 2]} for n in range(4)])
    found = survey(tmp_path / "x")
    assert found.root == tmp_path / "x" / "pictures"
    assert loaded(tmp_path, found).data.root == "x/pictures"


def test_a_parquet_table_is_read_too(tmp_path):
    import pyarrow
    import pyarrow.parquet

    for number in range(4):
        picture(tmp_path / f"{number}.png")
    rows = [{"image": f"{n}.png", "label": "ab"[n % 2], "ink": bool(n % 2)} for n in range(4)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "test.parquet")
    found = survey(tmp_path)
    assert (found.table.name, found.flags) == ("test.parquet", ("ink",))


def test_of_several_tables_that_of_the_test_set_is_taken_and_the_others_are_named(derm):
    table(derm / "a_train.csv", [row(number) for number in range(8)])
    found = survey(derm)
    assert found.table.name == "test.csv"
    assert found.notes == ("other tables are left aside: a_train.csv",)


def test_without_a_clear_label_the_column_is_left_blank(tmp_path):
    for number in range(8):
        picture(tmp_path / f"{number}.png")
    rows = [{"image": f"{n}.png", "first": "ab"[n % 2], "second": "cd"[n // 2 % 2]} for n in range(8)]
    table(tmp_path / "t.csv", rows)
    found = survey(tmp_path)
    assert found.label is None
    assert found.notes == ("which column is the label is not clear: first, second",)
    text = draft(found, tmp_path)
    assert {f"label: {BLANK}", f"classes: {BLANK}"} <= {line.partition(" #")[0].strip() for _, line in to_change(text)}


def test_the_only_column_of_words_is_the_label(tmp_path):
    for number in range(8):
        picture(tmp_path / f"{number}.png")
    table(tmp_path / "t.csv", [{"image": f"{n}.png", "verdict": "ab"[n % 2], "site": "XY"[n % 2]} for n in range(8)])
    assert survey(tmp_path).label == "verdict"


@pytest.mark.parametrize("split", ["test", "val", None])
def test_class_folders_are_found_and_those_of_the_test_set_first(tmp_path, split):
    folder = tmp_path / "pictures"
    for name in ("train", split) if split else ("",):
        for label in ("horse", "zebra", "no"):
            picture(folder / name / label / "1.png")
    found = survey(folder)
    assert found.images == (folder / split if split else folder)
    assert [name for name, _ in found.classes] == ["horse", "no", "zebra"]
    spec = loaded(tmp_path, found)
    assert spec.data.folder == f"pictures/{split}" if split else "pictures"
    assert spec.model.classes == ("horse", "no", "zebra")
    assert spec.decision is None
    assert spec.gates["detects"].class_ == "zebra"


def test_many_classes_stand_one_a_line(tmp_path):
    for number in range(20):
        picture(tmp_path / "p" / f"class {number:02d}" / "1.png")
    assert len(loaded(tmp_path, survey(tmp_path / "p")).model.classes) == 20


def test_a_file_that_ships_is_audited_as_released(derm, tmp_path):
    (derm / "model.safetensors").rename(derm / "model.onnx")
    text = draft(survey(derm), tmp_path)
    assert "released: {file: derm/model.onnx}" in text
    assert [line for _, line in to_change(text)] == [f'decision: {{class: melanoma, threshold: {BLANK}, source: ""}}']


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: None, "neither a table"),
        (lambda folder: table(folder / "t.csv", [{"a": 1}]), "t.csv: no column names images; columns are a"),
        (lambda folder: table(folder / "t.csv", [{"a": "gone.png"}]), "'gone.png' is not there"),
        (lambda folder: picture(folder / "only" / "1.png"), "nor two subfolders"),
        (lambda folder: (folder / "t.parquet").write_text("no"), "no valid Parquet"),
    ],
)
def test_a_folder_without_labelled_images_is_refused_in_one_line(tmp_path, make, said):
    make(tmp_path)
    with pytest.raises(InputError) as caught:
        survey(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_masks_without_a_column_are_told(tmp_path):
    for number in range(4):
        picture(tmp_path / f"{number}.png")
        picture(tmp_path / "masks" / f"{number}.png")
    table(tmp_path / "t.csv", [{"image": f"{n}.png", "label": "ab"[n % 2]} for n in range(4)])
    assert survey(tmp_path).notes == ("the folder 'masks' is there; masks are used once a column names them",)


@pytest.mark.parametrize(
    "text", ["no", "1", "1e3", "a: b", "x #y", "true", "[a]", "", "ä", "two words", "-", "a,b", "'", "null", "~", "*x"]
)
def test_every_text_is_written_so_that_it_is_read_as_itself(text):
    assert yaml.safe_load(f"[{word(text)}]") == [text]
    assert json.loads(json.dumps(text)) == text


@pytest.mark.parametrize(("column", "name"), [("has ruler?", "has_ruler_"), ("2nd", "c_2nd"), ("ink", "ink")])
def test_a_column_becomes_a_name(column, name):
    assert key(column) == name
