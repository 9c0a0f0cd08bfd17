from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.challenge.colour_swaps import LEVELS, colour_map, quantiles
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.rendering import as_grey, is_grey
from auditlens.challenge.trials import clean_rows, plan_trials
from auditlens.errors import ArtefactError

from .masked import disc, index_of, skins, with_columns
from .scenes import artefact_of, skin

GAINS = np.array((1.15, 1.0, 0.8))


def swap_of(**fields):
    return artefact_of("colour_profile", swap={"column": "device", "n_draws": 3, "n_references": 8, **fields})


def warmer(image):
    """What another device makes of an image."""
    return np.clip(np.rint(image * GAINS), 0, 255).astype(np.uint8)


@pytest.fixture
def two_devices(tmp_path):
    return devices(tmp_path, 20)


def devices(folder, n):
    """Pictures; every device took half of each class, B with other gains."""
    names = ["A" if number % 4 < 2 else "B" for number in range(n)]
    images = [warmer(image) if name == "B" else image for image, name in zip(skins(n), names, strict=True)]
    return with_columns(index_of(folder, images, [disc(64, 80)] * n), device=names)


def test_the_gains_of_the_other_device_are_found(tmp_path):
    """The oracle: what the other device would have made of the same scene; patients' own tones differ by 9 %."""
    source = load_artefact(swap_of(n_references=60), tmp_path, 0, devices(tmp_path, 120))
    image = skin(77, 64, 80)
    errors, before = [], []
    for instance, (start, _) in enumerate(source.pairs):
        wanted = warmer(image) if start == "A" else image
        given = image if start == "A" else warmer(image)
        after = source.render(given, instance, np.random.default_rng(0), None).inserted
        errors.append(np.abs(after.astype(float) - wanted).mean())
        before.append(np.abs(given.astype(float) - wanted).mean())
    assert np.mean(errors) < 0.35 * np.mean(before)


def test_instances_are_pairs_of_groups_times_sets_of_references(two_devices, tmp_path):
    source = load_artefact(swap_of(), tmp_path, 0, two_devices)
    assert source.n_instances == 6
    assert source.names[0] == "A to B, set 1"
    assert len({table.tobytes() for table in source.maps}) == 6
    assert list(source.pairs) == [("A", "B")] * 3 + [("B", "A")] * 3
    again = load_artefact(swap_of(), tmp_path, 0, two_devices)
    other = load_artefact(swap_of(), tmp_path, 1, two_devices)
    assert all(np.array_equal(*pair) for pair in zip(source.maps, again.maps, strict=True))
    assert not all(np.array_equal(*pair) for pair in zip(source.maps, other.maps, strict=True))


def test_an_image_gets_only_the_colours_of_another_group(two_devices, tmp_path):
    source = load_artefact(swap_of(), tmp_path, 0, two_devices)
    trials = plan_trials(two_devices, "swap", source, range(20), seed=0, repeats=2)
    assert len(trials) == 40
    for trial in trials:
        assert source.pairs[trial.instance][0] == two_devices.samples[trial.row].columns["device"]
    counts = np.bincount([trial.instance for trial in trials], minlength=6)
    assert counts[:3].max() - counts[:3].min() <= 1
    assert counts[3:].max() - counts[3:].min() <= 1


def test_one_way_only(two_devices, tmp_path):
    artefact = swap_of(**{"from": "A", "to": "B"})
    source = load_artefact(artefact, tmp_path, 0, two_devices)
    assert set(source.pairs) == {("A", "B")}
    rows = clean_rows(two_devices, artefact)
    assert {two_devices.samples[row].columns["device"] for row in rows} == {"A"}


def test_numbers_are_groups_too(two_devices, tmp_path):
    index = with_columns(two_devices, site=[float(1 + number // 2 % 2) for number in range(20)])
    artefact = artefact_of("colour_profile", swap={"column": "site", "from": 1, "n_draws": 1, "n_references": 4})
    source = load_artefact(artefact, tmp_path, 0, index)
    assert source.pairs == (("1", "2"),)


def test_between_two_halves_of_one_device_little_changes(tmp_path):
    index = with_columns(index_of(tmp_path, skins(40)), device=["A" if number % 4 < 2 else "B" for number in range(40)])
    source = load_artefact(swap_of(n_references=20), tmp_path, 0, index)
    image = skin(91, 64, 80)
    moved = [
        np.abs(source.render(image, i, np.random.default_rng(0), None).inserted.astype(float) - image).mean()
        for i in range(source.n_instances)
    ]
    gap = np.abs(warmer(image).astype(float) - image).mean()
    assert np.mean(moved) < 0.5 * gap


def test_other_mixes_of_classes_are_no_colours_of_a_device(tmp_path):
    """Melanomas are darker here, and B has nearly all of them: with one mix on both sides nothing is left."""
    labels = [0] * 14 + [1] * 4 + [0] * 4 + [1] * 14
    images = [
        np.clip(image * (0.6 if label else 1.0), 0, 255).astype(np.uint8)
        for image, label in zip(skins(36), labels, strict=True)
    ]
    index = with_columns(index_of(tmp_path, images, labels=labels), device=["A"] * 18 + ["B"] * 18)
    source = load_artefact(swap_of(n_references=16, n_draws=8), tmp_path, 0, index)
    levels = np.array([table[150].astype(float) for table in source.maps[:8]])
    mixed = np.mean([im.mean() for im in images[:18]]) - np.mean([im.mean() for im in images[18:]])
    assert mixed > 25, "taken as they are, A is much lighter than B"
    assert np.abs(levels.mean() - 150) < 0.4 * mixed


def test_columns_and_groups_must_be_there(two_devices, tmp_path):
    for fields, said in (
        (
            {"column": "devise"},
            r"swap\.column: the data has no column 'devise'; valid are device; did you mean 'device'",
        ),
        ({"from": "C"}, r"swap\.from: no cell of the column 'device' is 'C'; found are A, B"),
        ({"from": "A", "to": "A"}, "leaves only A"),
    ):
        with pytest.raises(ArtefactError, match=said):
            load_artefact(swap_of(**fields), tmp_path, 0, two_devices)
    with pytest.raises(ArtefactError, match="made of the audited images"):
        load_artefact(swap_of(), tmp_path, 0)
    apart = replace(
        two_devices,
        samples=tuple(replace(s, label=int(s.columns["device"] == "B")) for s in two_devices.samples),
    )
    with pytest.raises(ArtefactError, match="share no class"):
        load_artefact(swap_of(), tmp_path, 0, apart)


def test_a_grey_image_stays_grey_and_opacity_zero_changes_nothing(two_devices, tmp_path):
    source = load_artefact(swap_of(), tmp_path, 0, two_devices)
    grey = as_grey(skin(3))
    assert is_grey(source.render(grey, 0, np.random.default_rng(0), None).inserted)
    faint = load_artefact(swap_of().model_copy(update={"opacity": (0.0, 0.0)}), tmp_path, 0, two_devices)
    assert np.array_equal(faint.render(skin(3), 0, np.random.default_rng(0), None).inserted, skin(3))


knots = st.lists(st.integers(0, 255), min_size=len(LEVELS), max_size=len(LEVELS)).map(sorted)


@settings(max_examples=60, deadline=None)
@given(source=knots, target=knots)
def test_a_map_is_monotone_and_keeps_black_and_white(source, target):
    ends = [np.repeat(np.array(values, dtype=float)[:, None], 3, axis=1) for values in (source, target)]
    table = colour_map(*ends).astype(int)
    assert (np.diff(table, axis=0) >= 0).all()
    assert (table[0] == 0).all()
    assert (table[255] == 255).all()
    if min(np.diff([0, *source, 255])) >= 2 and min(np.diff([0, *target, 255])) >= 2:
        assert np.abs(table[source, 0] - target).max() <= 1, "quantiles go to quantiles"
    assert np.abs(colour_map(ends[0], ends[0]).astype(int) - np.arange(256)[:, None]).max() <= 0


def test_quantiles_are_those_of_the_pixels_and_lesion_and_skin_weigh_the_same():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (300, 300, 3)).astype(np.uint8)
    assert quantiles(image, None) == pytest.approx(np.repeat(255 * LEVELS[:, None], 3, axis=1), abs=14)
    small = np.full((96, 96, 3), 200, dtype=np.uint8)
    lesion = disc(48, 48, 0.1)
    small[np.kron(lesion, np.ones((2, 2), dtype=bool))] = 50
    assert quantiles(small, lesion)[2, 0] == 50, "a quarter is lesion, though it covers 3 % of the image"
    assert quantiles(small, None)[2, 0] == 200
