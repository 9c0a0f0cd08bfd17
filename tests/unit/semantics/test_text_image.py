"""Families of open_clip beside CLIP: tiny random builds in the shape of SigLIP and CoCa."""

import json
import sys

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from auditlens.errors import FoundationError
from auditlens.semantics.encoding import quiet
from auditlens.semantics.foundation import load_foundation
from auditlens.semantics.probes import null_embedding, text_probe
from auditlens.spec.model import Foundation

VISION = {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8}
TEXT = {"context_length": 12, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}
COCA = {
    "embed_dim": 8,
    "custom_text": True,
    "vision_cfg": {**VISION, "attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True},
    "text_cfg": {**TEXT, "embed_cls": True, "output_tokens": True},
    "multimodal_cfg": {**TEXT, "attn_pooler_heads": 2},
}
SIGLIP = {
    "embed_dim": 8,
    "init_logit_bias": -10,
    "custom_text": True,
    "vision_cfg": {**VISION, "pool_type": "avg"},
    "text_cfg": {
        **TEXT,
        "context_length": 16,
        "vocab_size": 40,
        "hf_tokenizer_name": "local",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
        "norm_kwargs": {"eps": 1e-6},
    },
}
PREPROCESS = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "resize_mode": "squash"}
WORDS = ("[PAD]", "[UNK]", "a", "ruler", "ink", "an", "image", "of", "close", "up")


def write_model(path, config):
    path.mkdir(exist_ok=True)
    (path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": PREPROCESS}))
    torch.manual_seed(0)
    with quiet():
        model = open_clip.create_model(f"local-dir:{path}", load_weights=False)
    save_file(model.state_dict(), path / "open_clip_model.safetensors")
    return path


def write_tokenizer(path):
    """A tokenizer of ten words in the files that a SigLIP folder brings along."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(path)


@pytest.fixture(scope="module")
def coca(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("coca"), COCA)


@pytest.fixture(scope="module")
def siglip(tmp_path_factory):
    pytest.importorskip("transformers", reason="SigLIP's tokenizer needs transformers")
    path = write_model(tmp_path_factory.mktemp("siglip"), SIGLIP)
    write_tokenizer(path)
    return path


def load(folder):
    return load_foundation(Foundation(model=f"local-dir:{folder}"), folder)


def check(folder):
    """The vectors are open_clip's own, as unit vectors, for pictures and for words."""
    with quiet():
        model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        tokenize = open_clip.get_tokenizer(f"local-dir:{folder}")
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    texts = ["a ruler", "", "an image of a close up of ink"]
    with torch.no_grad():
        expected = model.eval().encode_image(transform(Image.fromarray(picture))[None], normalize=True)
        words = model.encode_text(tokenize(texts), normalize=True)
    found = load(folder)
    np.testing.assert_allclose(found.embed_images([picture], 1), expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(found.embed_texts(texts), words.numpy(), atol=1e-6)
    probe, _ = text_probe(found, ("ruler", "ink"), "paper")
    assert np.linalg.norm(probe - null_embedding(found, "paper")) > 1e-3
    assert found.dimension == 8


def test_coca(coca):
    check(coca)


def test_siglip(siglip):
    check(siglip)


def test_scale_and_bias_of_the_loss_change_nothing(siglip, tmp_path):
    state = load_file(siglip / "open_clip_model.safetensors")
    assert {"logit_scale", "logit_bias"} <= state.keys()
    other = tmp_path / "other"
    other.mkdir()
    for file in siglip.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    state = {**state, "logit_scale": state["logit_scale"] + 3, "logit_bias": state["logit_bias"] - 5}
    save_file(state, other / "open_clip_model.safetensors")
    one, two = load(siglip), load(other)
    assert one.sha256 != two.sha256
    np.testing.assert_array_equal(one.embed_texts(["a ruler"]), two.embed_texts(["a ruler"]))


def test_capitals_and_full_stops_are_cleaned_as_the_model_was_trained(siglip):
    found = load(siglip)
    plain, dressed = found.embed_texts(["a ruler", "A ruler."])
    np.testing.assert_array_equal(plain, dressed)


def test_a_folder_without_its_tokenizer_is_said(siglip, tmp_path):
    bare = write_model(tmp_path / "bare", SIGLIP)
    with pytest.raises(FoundationError, match=r"cannot be loaded.*files of its tokenizer"):
        load(bare)


def test_a_missing_package_is_named(siglip, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(FoundationError, match=r"cannot be loaded.*install transformers to use it"):
        load(siglip)


def test_the_configuration_is_part_of_what_embeddings_depend_on(coca, tmp_path):
    other = write_model(tmp_path / "other", COCA)
    config = json.loads((other / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["mean"] = [0.4, 0.4, 0.4]
    (other / "open_clip_config.json").write_text(json.dumps(config))
    (other / "open_clip_model.safetensors").write_bytes((coca / "open_clip_model.safetensors").read_bytes())
    one, two = load(coca), load(other)
    assert one.sha256 == two.sha256
    assert one.settings != two.settings
