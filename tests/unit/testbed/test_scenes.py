import csv

import numpy as np
import pytest
from PIL import Image
from scipy.stats import chi2_contingency
from sklearn.metrics import roc_auc_score

from auditlens.testbed.artefacts import ARTEFACTS
from auditlens.testbed.scenes import (
    COLUMNS,
    NATURAL_RATES,
    artefact_stream,
    draw_factors,
    patients,
    probability,
    scenes,
    write_dermoscopy,
)
from auditlens.testbed.streams import stream


@pytest.fixture(scope="module")
def drawn():
    return list(scenes(n=120, seed=4, image_size=64))


def test_images_are_uint8_and_vary(drawn):
    assert all(s.image.shape == (64, 64, 3) and s.image.dtype == np.uint8 for s in drawn)
    assert len({s.image.tobytes() for s in drawn}) == len(drawn)


def test_image_i_does_not_depend_on_n(drawn):
    for short, long in zip(scenes(n=7, seed=4, image_size=64), drawn[:7], strict=True):
        assert (short.image == long.image).all()
        assert (short.mask == long.mask).all()
        assert (short.factors, short.melanoma, short.patient) == (long.factors, long.melanoma, long.patient)


@pytest.mark.parametrize(("seed", "purpose"), [(5, "test"), (4, "train"), (4, "validation"), (4, "reference")])
def test_other_seeds_and_purposes_give_other_images(drawn, seed, purpose):
    other = next(scenes(n=1, seed=seed, image_size=64, purpose=purpose))
    assert other.factors != drawn[0].factors


def test_the_mask_covers_the_darker_lesion(drawn):
    for scene in drawn[:40]:
        inside = scene.mask == 255
        assert set(np.unique(scene.mask)) <= {0, 255}
        assert 0.01 < inside.mean() < 0.75
    bare = scenes(n=20, seed=4, artefact_rates={}, image_size=64)
    assert all(s.image[s.mask == 255].mean() < s.image[s.mask == 0].mean() - 15 for s in bare)


def test_diameter_shows_in_the_mask():
    shown = list(scenes(n=60, seed=1, artefact_rates={}, image_size=64))
    area = [np.sqrt((s.mask == 255).mean()) for s in shown]
    assert np.corrcoef(area, [s.factors.diameter for s in shown])[0, 1] > 0.9


def test_the_rule_is_noisy_but_strong():
    rng = np.random.default_rng(0)
    chances = np.array([probability(draw_factors(rng)) for _ in range(4000)])
    truth = rng.random(4000) < chances
    assert roc_auc_score(truth, chances) == pytest.approx(0.95, abs=0.015)
    assert truth.mean() == pytest.approx(0.42, abs=0.04)


def test_patients_are_prefix_stable_and_small():
    many = patients("test", 3, 500, 3)
    assert (patients("test", 3, 60, 3) == many[:60]).all()
    assert set(np.unique(np.bincount(many)[:-1])) == {1, 2, 3}
    assert (patients("test", 3, 5, 1) == np.arange(5)).all()
    with pytest.raises(ValueError, match="images_per_patient must be at least 1"):
        patients("test", 3, 5, 0)


def test_images_of_a_patient_share_the_skin_tone(drawn):
    tones = {}
    for scene in drawn:
        assert tones.setdefault(scene.patient, scene.tone) == scene.tone
    assert len(set(tones.values())) == len(tones)


def test_presence_streams_have_the_stated_rates_and_say_nothing_of_the_label():
    """Presence is decided by the first number of a stream; labels come from another: no pixels needed."""
    n = 2000
    rules = [stream("test/lesion", 0, i) for i in range(n)]
    label = np.array([(lambda p, rng: rng.random() < p)(probability(draw_factors(rng)), rng) for rng in rules])
    for name, rate in NATURAL_RATES.items():
        present = np.array([artefact_stream("test", name, 0, i).random() for i in range(n)]) < rate
        assert present.mean() == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / n))
        table = [
            [np.sum(present & label), np.sum(present & ~label)],
            [np.sum(~present & label), np.sum(~present & ~label)],
        ]
        assert chi2_contingency(table).pvalue > 1e-3


def test_rates_zero_and_one_give_pairs():
    others = {"hair": 0.5, "ink": 0.5}
    without = list(scenes(n=12, seed=2, artefact_rates=others, image_size=64))
    with_it = list(scenes(n=12, seed=2, artefact_rates={**others, "dark_corner": 1.0}, image_size=64))
    for a, b in zip(without, with_it, strict=True):
        assert b.present == (*a.present, "dark_corner")
        assert a.melanoma == b.melanoma
        assert (a.image[28:36, 28:36] == b.image[28:36, 28:36]).all()
        assert (a.image != b.image).any()


def test_wrong_rates_are_refused():
    with pytest.raises(ValueError, match=r"unknown artefact 'rulers'; valid: .*ruler"):
        next(scenes(n=1, seed=0, artefact_rates={"rulers": 0.1}))
    with pytest.raises(ValueError, match="rate of 'ruler' must lie in"):
        next(scenes(n=1, seed=0, artefact_rates={"ruler": 10}))


def test_the_manifest_says_what_the_files_show(tmp_path):
    manifest = write_dermoscopy(tmp_path / "d", n=10, seed=4, image_size=64)
    lines = list(csv.DictReader(manifest.read_text(encoding="utf-8").splitlines()))
    assert manifest == tmp_path / "d" / "manifest.csv"
    assert tuple(lines[0]) == COLUMNS
    for line, scene in zip(lines, scenes(n=10, seed=4, image_size=64), strict=True):
        assert (np.asarray(Image.open(manifest.parent / line["image"])) == scene.image).all()
        assert (np.asarray(Image.open(manifest.parent / line["mask"])) == scene.mask).all()
        assert line["label"] == ("melanoma" if scene.melanoma else "benign")
        assert {a for a in ARTEFACTS if line[a] == "1"} == set(scene.present)
        assert line["asymmetric"] == str(int(scene.factors.asymmetry > 0.5))
        assert line["many_colours"] == str(int(int(line["n_colours"]) >= 3))


def test_the_writer_repeats_itself_byte_for_byte(tmp_path):
    write_dermoscopy(tmp_path / "a", n=3, seed=9)
    write_dermoscopy(tmp_path / "b", n=3, seed=9)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) == 7
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)
