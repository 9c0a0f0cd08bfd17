"""Copies of a training folder: rates that no label changes, equal bytes from equal seeds, originals untouched."""

import csv
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from auditlens.augment.copies import MANIFEST, augment_folder
from auditlens.challenge.instances import BUILDERS
from auditlens.errors import InputError
from auditlens.store.folders import file_sha256


def rows_of(folder):
    with (folder / MANIFEST).open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def contents(folder):
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(spec, training, tmp_path_factory):
    out = tmp_path_factory.mktemp("augmented") / "out"
    before = contents(training)
    written = augment_folder(training, spec, out, probability=0.6, copies=3, seed=5)
    assert contents(training) == before
    return out, written


def test_every_class_gets_artefacts_at_the_same_rate(made):
    out, written = made
    assert written.n_of == {"benign": 180, "melanoma": 90}
    for label, n in written.n_of.items():
        assert stats.binomtest(written.n_with[label], n, 0.6).pvalue > 0.001, label
    used = Counter(row["artefact"] for row in rows_of(out) if row["artefact"])
    assert dict(used) == written.artefacts
    assert stats.binomtest(used["ruler"], sum(used.values()), 0.5).pvalue > 0.001


def test_labels_are_kept_and_every_image_is_there_each_time(made, training):
    out, _ = made
    rows = rows_of(out)
    originals = {path.relative_to(training).as_posix() for path in training.rglob("*.png")}
    assert Counter(row["augmented_from"] for row in rows) == dict.fromkeys(originals, 3)
    for row in rows:
        assert row["label"] == row["augmented_from"].split("/")[0] == row["file"].split("/")[0]
        assert (out / row["file"]).is_file()
    assert len({row["file"] for row in rows}) == len(rows)
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"benign", "melanoma"}


def test_the_manifest_says_what_was_put_where(made, training):
    out, _ = made
    for row in rows_of(out)[:60]:
        before = np.asarray(Image.open(training / row["augmented_from"]))
        after = np.asarray(Image.open(out / row["file"]))
        differs = (before != after).any(axis=2)
        box = tuple(int(row[f"artefact_{side}"]) for side in ("left", "top", "right", "bottom"))
        if not row["artefact"]:
            assert not differs.any() and box == (0, 0, 0, 0) and row["artefact_instance"] == ""
            continue
        ys, xs = np.nonzero(differs)
        assert box == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        if row["artefact"] == "red_skin":
            blended = 0.7 * before + 0.3 * np.array([231, 128, 151])
            assert np.abs(after - blended).max() <= 1


def test_equal_seeds_give_equal_bytes_and_others_do_not(spec, training, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        augment_folder(training, spec, tmp_path / name, seed=seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_what_an_image_gets_depends_on_its_bytes_alone(spec, training, tmp_path):
    """Not on its name, its label or the other images."""
    source = next(training.rglob("*.png"))
    for name, label in (("a", "benign"), ("b", "melanoma")):
        place = tmp_path / name / label / f"{name}.png"
        place.parent.mkdir(parents=True)
        place.write_bytes(source.read_bytes())
        augment_folder(tmp_path / name, spec, tmp_path / f"{name}_out", probability=1.0, seed=3)
    images = [np.asarray(Image.open(next((tmp_path / f"{name}_out").rglob("*.png")))) for name in ("a", "b")]
    np.testing.assert_array_equal(*images)


def test_one_artefact_alone_at_rate_one_and_rate_zero(spec, training, tmp_path):
    written = augment_folder(training, spec, tmp_path / "all", artefacts=["ruler"], probability=1.0)
    assert written.artefacts == {"ruler": 90}
    written = augment_folder(training, spec, tmp_path / "none", probability=0.0)
    assert sum(written.artefacts.values()) == 0
    assert all(row["artefact"] == "" for row in rows_of(tmp_path / "none"))


def test_a_manifest_keeps_its_columns_and_raises_the_artefact_s_flag(spec, training, tmp_path):
    paths = sorted(training.rglob("*.png"))[:10]
    lines = ["image,label,patient,ruler", *(f"{path},{path.relative_to(training).parts[0]},p1,0" for path in paths)]
    (tmp_path / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    augment_folder(tmp_path / "train.csv", spec, tmp_path / "out", artefacts=["ruler"], probability=0.5, seed=1)
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 10
    assert {row["ruler"] for row in rows} == {"0", "1"}
    for row in rows:
        assert row["patient"] == "p1" and row["image"] == row["file"]
        assert (row["ruler"] == "1") == (row["artefact"] == "ruler")


def test_a_wrong_call_says_what_is_valid(spec, training, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    cases = [
        ({"out": tmp_path / "full"}, "is not empty"),
        ({"out": training / "copies"}, "lies inside"),
        ({"folder": tmp_path / "nowhere"}, "there is no folder or manifest"),
        ({"artefacts": ["rulr"]}, "did you mean 'ruler'"),
        ({"artefacts": []}, "no artefact is named"),
        ({"copies": 0}, "copies must be 1 or more"),
        ({"probability": 1.5}, "between 0 and 1"),
    ]
    for change, said in cases:
        given = {"folder": training, "spec": spec, "out": tmp_path / "out"} | change
        with pytest.raises(InputError, match=said):
            augment_folder(given.pop("folder"), given.pop("spec"), given.pop("out"), **given)
    assert not (tmp_path / "out").exists()


def test_what_only_the_audited_model_can_make_is_left_out_and_told(spec, training, tmp_path, monkeypatch):
    monkeypatch.delitem(BUILDERS, "tint")
    written = augment_folder(training, spec, tmp_path / "all", probability=1.0)
    assert written.left_out == ("red_skin",) and written.artefacts == {"ruler": 90}
    with pytest.raises(InputError, match=r"'red_skin' .tint. is made by the audited model"):
        augment_folder(training, spec, tmp_path / "named", artefacts=["red_skin"])


def test_the_command_says_how_many_by_class(spec, training, tmp_path, capsys):
    from auditlens.cli.main import main

    arguments = ["augment", str(training), "--spec", str(spec), "--out", str(tmp_path / "out"), "--artefacts", "ruler"]
    assert main([*arguments, "--probability", "1", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "90 copies" in said and "melanoma: 30 of 30 with an artefact (100.0 %)" in said and "ruler: 90" in said
    assert main([*arguments, "--quiet"]) == 2
    assert "is not empty" in capsys.readouterr().err
