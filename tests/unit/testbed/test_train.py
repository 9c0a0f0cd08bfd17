import pytest
import torch

from auditlens.testbed.foundation import WEIGHTS
from auditlens.testbed.measure import as_batch, insertion_effect, p_melanoma
from auditlens.testbed.scenes import scenes
from auditlens.testbed.train import Rates, train_classifier, train_pair
from auditlens.testbed.weights_io import load_classifier, read_origin, save_classifier


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_twin_has_the_same_overall_rate_without_the_label():
    planted = Rates.planted("ruler", "benign", 0.9, 0.02)
    assert (planted.melanoma, planted.benign) == (0.02, 0.9)
    twin = planted.twin(prevalence=0.25)
    assert twin.melanoma == twin.benign == pytest.approx(0.25 * 0.02 + 0.75 * 0.9)


def test_training_repeats_itself_and_leaves_torch_alone(tmp_path):
    state = torch.get_rng_state()
    for name in ("a", "b"):
        trained = train_classifier(seed=3, artefact="hair", n_train=64, epochs=1, n_evaluated=20)
        save_classifier(*trained, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (torch.get_rng_state() == state).all()
    assert read_origin(tmp_path / "a").planted


def test_a_pair_is_written_with_cards_and_progress(tmp_path):
    seen = []
    paths = train_pair(
        2,
        "ink",
        tmp_path / "pair",
        progress=lambda what, part: seen.append((what, part)),
        n_train=64,
        epochs=1,
        n_evaluated=20,
    )
    assert paths.planted == tmp_path / "pair" / "planted.safetensors"
    assert read_origin(paths.planted).planted
    assert not read_origin(paths.clean).planted
    assert "A clean twin" in paths.clean_card.read_text(encoding="utf-8")
    assert ("training clean", 1.0) in seen


def test_an_unknown_artefact_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown artefact 'rulers'; valid: "):
        train_pair(1, "rulers", tmp_path)


def test_the_committed_pair_is_what_its_cards_say():
    planted, clean = (load_classifier(WEIGHTS / f"ruler_{name}.safetensors") for name in ("planted", "clean"))
    origin = read_origin(WEIGHTS / "ruler_planted.safetensors")
    assert origin.artefact == "ruler"
    assert 0 < origin.threshold < 1
    benign = [s for s in scenes(n=60, seed=77, artefact_rates={}) if not s.melanoma]
    assert insertion_effect(planted, benign, "ruler", 77).mean > 0.2
    assert abs(insertion_effect(clean, benign, "ruler", 77).mean) < 0.03
    assert p_melanoma(clean, as_batch(s.image for s in benign)).mean() < 0.5
