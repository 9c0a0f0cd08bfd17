import numpy as np
import pytest

from auditlens.errors import InputError
from auditlens.spec.model import Data

from .conftest import CLASSES, picture, write_csv, write_images

NAMES = ("c.png", "a.png", "b.png")
HEAD = ("image", "label", "patient", "site", "ruler", "age")
ROWS = (
    HEAD,
    ("c.png", "melanoma", "p2", "arm", "1", ""),
    ("a.png", "benign", "p1", "leg", "0", "41.5"),
    ("b.png", "benign", "p1", "arm", "", "n.k."),
)


@pytest.fixture
def manifest(tmp_path):
    write_images(tmp_path, NAMES)
    return write_csv(tmp_path / "m.csv", ROWS)


def test_manifest_columns_units_and_order(manifest, read):
    index = read(manifest="m.csv", unit="patient", within=("site",))
    assert [sample.id for sample in index.samples] == ["a.png", "b.png", "c.png"]
    assert index.class_counts == {"benign": 2, "melanoma": 1}
    assert index.n_units == 2
    assert index.columns == ("site", "ruler", "age")
    assert index.numeric_columns == ("ruler",)
    assert dict(index.samples[1].columns) == {"site": "arm", "ruler": None, "age": "n.k."}
    assert index.notes == ()


def test_samples_are_arrays_in_id_order(manifest, read):
    samples = read(manifest="m.csv", unit="patient", within=("site",)).to_samples()
    assert samples.labels.tolist() == [0, 0, 1]
    assert samples.units.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(samples.columns["ruler"], [0, np.nan, 1])
    assert samples.strata.tolist() == [2, 0, 1]  # (arm, 0), (arm, 1), (leg, 0)


def test_row_order_changes_nothing(manifest, read, tmp_path):
    first = read(manifest="m.csv", unit="patient")
    write_csv(tmp_path / "m.csv", (HEAD, *reversed(ROWS[1:])))
    assert read(manifest="m.csv", unit="patient").digest == first.digest


@pytest.mark.parametrize("column", range(1, 6))
def test_every_cell_changes_the_digest(manifest, read, tmp_path, column):
    first = read(manifest="m.csv", unit="patient")
    changed = list(ROWS[2])
    changed[column] = {1: "melanoma", 2: "p9", 3: "arm", 4: "1", 5: "12"}[column]
    write_csv(tmp_path / "m.csv", (HEAD, ROWS[1], changed, ROWS[3]))
    assert read(manifest="m.csv", unit="patient").digest != first.digest


def test_pixels_change_the_digest(manifest, read, tmp_path):
    first = read(manifest="m.csv")
    picture(99).save(tmp_path / "a.png")
    assert read(manifest="m.csv").digest != first.digest


def test_masks_are_found_and_hashed(manifest, read, tmp_path):
    write_images(tmp_path, ["masks/a.png"])
    write_csv(
        tmp_path / "m.csv", (("image", "label", "mask"), ("a.png", "benign", "masks/a.png"), ("b.png", "benign", ""))
    )
    first = read(manifest="m.csv", mask="mask")
    assert first.samples[0].mask == tmp_path / "masks" / "a.png"
    assert first.samples[1].mask is None
    picture(7).save(tmp_path / "masks" / "a.png")
    assert read(manifest="m.csv", mask="mask").digest != first.digest


def test_labels_are_mapped_and_others_left_out_and_counted(manifest, read):
    index = read(classes=("Naevus", "Other"), manifest="m.csv", label_map={"benign": "Naevus"})
    assert index.class_counts == {"Naevus": 2, "Other": 0}
    assert index.n_left_out == 1
    assert "melanoma (1)" in index.notes[0]


def test_no_label_of_the_model_says_what_was_seen(manifest, read):
    with pytest.raises(InputError) as caught:
        read(classes=("Benign", "Melanomas"), manifest="m.csv")
    text = str(caught.value)
    assert "'benign' (2)" in text
    assert "'Benign', 'Melanomas'" in text
    assert "did you mean 'Melanomas'" in text


def test_wordnet_ids_name_their_class(tmp_path, read):
    write_images(tmp_path / "d", ["n01440764/x.png", "n01443537 goldfish/y.png"])
    index = read(classes=("n01440764 tench", "n01443537 goldfish"), folder="d")
    assert [sample.label for sample in index.samples] == [0, 1]


def test_folders_give_classes(tmp_path, read):
    write_images(
        tmp_path / "d", ["benign/b/2.png", "benign/1.JPG", "melanoma/3.png", "unsure/4.png", "benign/.hidden.png"]
    )
    (tmp_path / "d" / "benign" / "readme.txt").write_text("no image")
    index = read(folder="d")
    assert [sample.id for sample in index.samples] == ["benign/1.JPG", "benign/b/2.png", "melanoma/3.png"]
    assert index.n_units == 3
    assert index.n_left_out == 1


@pytest.mark.parametrize("content", [[], ["x.png"], ["benign/readme.md"]])
def test_folders_without_images_are_refused(tmp_path, read, content):
    (tmp_path / "d").mkdir()
    for name in content:
        (tmp_path / "d" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "d" / name).write_text("")
    with pytest.raises(InputError, match="subfolder"):
        read(folder="d")
    with pytest.raises(InputError, match="does not exist"):
        read(folder="absent")


def test_missing_images_name_their_rows(tmp_path, read):
    write_images(tmp_path, ["a.png"])
    rows = [("image", "label"), ("a.png", "benign"), *((f"gone{i}.png", "benign") for i in range(7))]
    write_csv(tmp_path / "m.csv", rows)
    with pytest.raises(InputError) as caught:
        read(manifest="m.csv")
    text = str(caught.value)
    assert "7 of 8 image files do not exist" in text
    assert f"{tmp_path / 'm.csv'}:3: {tmp_path / 'gone0.png'}" in text
    assert "gone4.png" in text
    assert "gone5.png" not in text
    assert "2 more" in text


@pytest.mark.parametrize("field", ["image", "label", "unit", "mask"])
def test_missing_columns_suggest_the_nearest(manifest, read, field):
    with pytest.raises(InputError, match=r"m\.csv:1: no column 'patiend'.*did you mean 'patient'"):
        read(manifest="m.csv", **{field: "patiend"})
    with pytest.raises(InputError, match="no column 'sites'"):
        read(manifest="m.csv", within=("sites",))


def test_names_in_other_spellings_are_found(tmp_path, read):
    write_images(tmp_path / "root", ["deep/a.png", "b.jpg", "c.png"])
    outside = tmp_path / "elsewhere.png"
    picture(5).save(outside)
    cells = ("deep\\a.png", "b", str(tmp_path / "root" / "c.png"), str(outside))
    write_csv(tmp_path / "m.csv", [("image", "label"), *((cell, "benign") for cell in cells)])
    index = read(manifest="m.csv", root="root")
    assert [sample.id for sample in index.samples] == sorted(["deep/a.png", "b.jpg", "c.png", outside.as_posix()])


def test_repeated_rows_count_once_and_contradictions_are_refused(tmp_path, read):
    write_images(tmp_path, ["a.png"])
    rows = [("image", "label"), ("a.png", "benign"), ("a.png", "benign")]
    write_csv(tmp_path / "m.csv", rows)
    index = read(manifest="m.csv")
    assert len(index) == 1
    assert "1 rows repeat" in index.notes[0]
    write_csv(tmp_path / "m.csv", [*rows, ("a.png", "melanoma")])
    with pytest.raises(InputError, match=r"m\.csv:4: .*listed before.*m\.csv:2"):
        read(manifest="m.csv")


def test_twins_and_missing_units_are_noted(tmp_path, read):
    write_images(tmp_path, ["a.png", "b.png"])
    (tmp_path / "twin.png").write_bytes((tmp_path / "a.png").read_bytes())
    rows = [
        ("image", "label", "unit"),
        ("a.png", "benign", "p1"),
        ("twin.png", "melanoma", "p2"),
        ("b.png", "benign", ""),
    ]
    write_csv(tmp_path / "m.csv", rows)
    index = read(manifest="m.csv", unit="unit")
    assert [sample.unit for sample in index.samples] == ["p1", "b.png", "p2"]
    notes = " ".join(index.notes)
    assert "1 rows have no unit" in notes
    assert "more than one unit, byte for byte: a.png = twin.png" in notes
    assert "different labels" in notes


def test_twins_of_one_unit_are_no_news(tmp_path, read):
    write_images(tmp_path, ["a.png"])
    (tmp_path / "twin.png").write_bytes((tmp_path / "a.png").read_bytes())
    write_csv(tmp_path / "m.csv", [("image", "label", "unit"), ("a.png", "benign", "p"), ("twin.png", "benign", "p")])
    assert read(manifest="m.csv", unit="unit").notes == ()


def test_a_sample_is_made_of_whole_units(tmp_path, read):
    names = [f"{n}.png" for n in range(12)]
    write_images(tmp_path, names)
    rows = [(name, "benign", f"p{n // 3}") for n, name in enumerate(names)]
    write_csv(tmp_path / "m.csv", [("image", "label", "patient"), *rows])
    for size, expected in ((7, 6), (6, 6), (2, 2), (11, 9)):
        units = [sample.unit for sample in read(manifest="m.csv", unit="patient", sample=size).samples]
        assert len(units) == expected
        assert size < 3 or all(units.count(unit) == 3 for unit in units)


def test_a_sample_is_drawn_by_hash(tmp_path, read):
    names = [f"{i}.png" for i in range(12)]
    write_images(tmp_path, names)
    rows = [("image", "label"), *((name, "benign") for name in names)]
    write_csv(tmp_path / "m.csv", rows)
    everything = read(manifest="m.csv")
    index = read(manifest="m.csv", sample=5)
    smallest = sorted(sample.digest for sample in everything.samples)[:5]
    assert sorted(index.digests) == smallest
    assert [sample.id for sample in index.samples] == sorted(sample.id for sample in index.samples)
    assert index.n_left_out == 7
    assert len(read(manifest="m.csv", sample=50)) == 12


GENERATOR = """
from pathlib import Path
CALLS = []
def make(folder, n=1, broken=False):
    from PIL import Image
    CALLS.append(n)
    (folder / "pictures").mkdir()
    rows = ["image,label"]
    for i in range(n):
        Image.new("RGB", (4, 4), (i, 0, 0)).save(folder / "pictures" / f"{i}.png")
        rows.append(f"pictures/{i}.png,benign")
    if broken:
        raise RuntimeError("no paint left")
    (folder / "made.csv").write_text("\\n".join(rows))
    return folder / "made.csv"
def astray(folder):
    return folder / "absent.csv"
"""


@pytest.fixture
def generator(tmp_path, monkeypatch):
    (tmp_path / "painter_x.py").write_text(GENERATOR)
    monkeypatch.syspath_prepend(tmp_path)
    import painter_x

    painter_x.CALLS.clear()
    return painter_x


def test_generated_images_are_made_once(generator, read):
    first = read(generate={"factory": "painter_x:make", "arguments": {"n": 3}})
    again = read(generate={"factory": "painter_x:make", "arguments": {"n": 3}})
    assert generator.CALLS == [3]
    assert first == again
    assert [sample.id for sample in first.samples] == ["pictures/0.png", "pictures/1.png", "pictures/2.png"]
    assert len(read(generate={"factory": "painter_x:make", "arguments": {"n": 2}})) == 2


@pytest.mark.parametrize(("arguments", "words"), [({"broken": True}, "no paint left"), ({"colour": 1}, "TypeError")])
def test_generators_that_fail_are_named(generator, read, arguments, words):
    with pytest.raises(InputError, match=f"painter_x:make failed.*{words}"):
        read(generate={"factory": "painter_x:make", "arguments": arguments})
    with pytest.raises(InputError, match="no file in its folder"):
        read(generate={"factory": "painter_x:astray"})


def test_empty_columns_count_as_numeric(tmp_path, read):
    write_images(tmp_path, ["a.png"])
    write_csv(tmp_path / "m.csv", [("image", "label", "flag"), ("a.png", "benign", "")])
    assert np.isnan(read(manifest="m.csv").to_samples().columns["flag"]).all()
    assert read(manifest="m.csv").classes == CLASSES


def test_a_value_of_a_text_column_becomes_a_flag(manifest, read):
    index = read(manifest="m.csv", unit="patient", within=("site",))
    samples = index.to_samples([("site", "arm"), ("ruler", "1"), ("age", "41.5")])
    np.testing.assert_array_equal(samples.columns["site=arm"], [0, 1, 1])
    np.testing.assert_array_equal(samples.columns["ruler=1"], [0, np.nan, 1])
    np.testing.assert_array_equal(samples.columns["age=41.5"], [1, 0, np.nan])
    assert index.values_of("site") == ("arm", "leg")
    assert index.values_of("ruler") == ("0", "1")


def test_a_column_is_contrasted_in_strata_without_itself(manifest, read):
    samples = read(manifest="m.csv", within=("site",)).to_samples([("site", "arm")])
    assert samples.strata_for("site=arm").tolist() == [0, 0, 1]  # labels alone
    assert samples.strata_for("ruler").tolist() == samples.strata.tolist() == [2, 0, 1]


@pytest.mark.parametrize("field", [{"unit": "patient"}, {"mask": "m"}, {"within": ("site",)}])
def test_a_folder_has_no_columns(field):
    with pytest.raises(ValueError, match=f"a folder has no columns; {next(iter(field))} need a manifest"):
        Data(folder="images", **field)
