import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from sklearn.metrics import roc_auc_score

from auditlens.testbed.captions import CONCEPTS
from auditlens.testbed.evaluate import alignments, flags, fullest_window
from auditlens.testbed.foundation import FOUNDATION, WEIGHTS, load_foundation
from auditlens.testbed.scenes import scenes
from auditlens.testbed.train_foundation import sigmoid_loss

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:timm", "ignore::UserWarning:open_clip")


@pytest.fixture(scope="module")
def audited():
    return list(scenes(n=90, seed=5, artefact_rates={"ruler": 0.5, "band_aid": 0.5, "dark_corner": 0.5}))


def test_it_loads_in_open_clip_and_is_finite():
    model, preprocess, tokenize = load_foundation()
    image = preprocess(Image.new("RGB", (130, 90), (200, 150, 130)))[None]
    with torch.inference_mode():
        seen, said = model.encode_image(image), model.encode_text(tokenize(["ruler", "a photo of a guitar"]))
    assert seen.dtype == said.dtype == torch.float32
    assert seen.shape[1] == said.shape[1]
    assert torch.isfinite(seen).all()
    assert torch.isfinite(said).all()


def test_only_the_token_table_is_stored_in_half_precision():
    with safe_open(FOUNDATION / "open_clip_model.safetensors", framework="pt") as opened:
        kinds = {name: opened.get_tensor(name).dtype for name in opened.keys()}  # noqa: SIM118
    half = {name for name, kind in kinds.items() if kind == torch.float16}
    assert half == {"token_embedding.weight"}


def test_text_probes_carry_over_to_the_audited_renderers(audited):
    found = alignments(FOUNDATION, [scene.image for scene in audited])
    truth = [flags(scene) for scene in audited]
    for name, bound in {
        "ruler": 0.9,
        "band_aid": 0.85,
        "dark_corner": 0.95,
        "irregular_border": 0.8,
        "asymmetric": 0.75,
    }.items():
        assert roc_auc_score([t[name] for t in truth], found[name]) > bound


def test_the_configuration_is_plain_and_all_weights_are_small():
    config = json.loads((FOUNDATION / "open_clip_config.json").read_text(encoding="utf-8"))
    assert config["model_cfg"]["vision_cfg"]["timm_model_pretrained"] is False
    assert config["preprocess_cfg"]["resize_mode"] == "squash"
    assert sum(file.stat().st_size for file in WEIGHTS.rglob("*.safetensors")) < 8_000_000


def test_every_weights_file_has_a_card_whose_figures_a_command_prints():
    for file in WEIGHTS.glob("*.safetensors"):
        card = file.with_suffix(".card.md").read_text(encoding="utf-8")
        assert re.search(r"python -m auditlens\.testbed\.(evaluate|train_examples)\b", card), file.name
    assert "python -m auditlens.testbed.evaluate" in (FOUNDATION / "card.md").read_text(encoding="utf-8")


def test_the_loss_weighs_true_and_false_alike():
    logits = torch.zeros(4, 1)
    true, false = torch.tensor([[1.0], [0], [0], [0]]), torch.tensor([[0.0], [1], [1], [0]])
    assert sigmoid_loss(logits, true, false) == pytest.approx(2 * np.log(2))
    undecided = torch.tensor([[0.0], [0], [0], [9.0]])
    assert sigmoid_loss(logits + undecided, true, false) == pytest.approx(2 * np.log(2))


def test_the_fullest_window_holds_the_change():
    changed = np.zeros((64, 64), bool)
    changed[40:50, 4:12] = True
    rows, columns = fullest_window(changed, 24)
    assert changed[rows, columns].sum() == changed.sum()


def test_probed_concepts_are_trained_ones():
    from auditlens.testbed.evaluate import PROBES

    assert set(PROBES) <= set(CONCEPTS)
