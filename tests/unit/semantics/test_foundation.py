import hashlib
import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from auditlens.errors import FoundationError, IntegrityError
from auditlens.semantics.encoding import quiet
from auditlens.semantics.foundation import load_foundation
from auditlens.spec.model import Foundation

REAL = Path(__file__).parents[4] / "shared/data/foundation/derm_clip"
CONFIG = {
    "model_cfg": {
        "embed_dim": 8,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8},
        "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "resize_mode": "squash"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny, randomly initialised model in open_clip's local-folder form."""
    path = tmp_path_factory.mktemp("tiny_clip")
    (path / "open_clip_config.json").write_text(json.dumps(CONFIG))
    torch.manual_seed(0)
    with quiet():
        model = open_clip.create_model(f"local-dir:{path}", load_weights=False)
    save_file(model.state_dict(), path / "open_clip_model.safetensors")
    return path


@pytest.fixture(scope="module")
def tiny(folder):
    return load_foundation(Foundation(model="local-dir:tiny"), _linked(folder))


def _linked(folder):
    """A base folder in which the model lies as `tiny`: local paths are relative to the base."""
    base = folder.parent / "base"
    base.mkdir(exist_ok=True)
    link = base / "tiny"
    if not link.exists():
        link.symlink_to(folder)
    return base


def _images(n, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (20 + 3 * i, 40, 3), dtype=np.uint8) for i in range(n)]


def test_embeddings_are_unit_float32_and_deterministic(tiny):
    images = _images(5)
    first, second = tiny.embed_images(images, 5), tiny.embed_images(images, 2)
    assert first.shape == (5, 8) and first.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(first, second, atol=1e-6)
    np.testing.assert_array_equal(first, tiny.embed_images(images, 5))
    texts = tiny.embed_texts(["ruler", ""])
    assert texts.shape == (2, tiny.dimension) and texts.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-6)


def test_nothing_in_nothing_out(tiny):
    assert tiny.embed_images([], 4).shape == (0, 8)
    assert tiny.embed_texts([]).shape == (0, 8)


def test_the_weights_are_those_of_the_folder(tiny, folder):
    digest = hashlib.sha256((folder / "open_clip_model.safetensors").read_bytes()).hexdigest()
    assert tiny.sha256 == digest
    assert load_foundation(Foundation(model=f"local-dir:{folder}", sha256=digest), Path()).sha256 == digest
    with pytest.raises(IntegrityError, match=digest):
        load_foundation(Foundation(model=f"local-dir:{folder}", sha256="0" * 64), Path())


def test_plain_open_clip_gives_the_same_vectors(tiny, folder):
    with quiet():
        model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(["a ruler"])
    from PIL import Image

    image = _images(1)[0]
    with torch.no_grad():
        expected = model.eval().encode_image(transform(Image.fromarray(image))[None], normalize=True)
        words = model.encode_text(tokens, normalize=True)
    np.testing.assert_allclose(tiny.embed_images([image], 1), expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(tiny.embed_texts(["a ruler"]), words.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        (Foundation(model="ViT-B-33"), "did you mean 'ViT-B-32"),
        (Foundation(model="ViT-B-32"), "needs `pretrained`; valid are .*laion"),
        (Foundation(model="local-dir:nowhere"), "does not exist"),
        (Foundation(model="ViT-B-32", pretrained="no_such_tag"), "cannot be loaded"),
    ],
)
def test_what_cannot_be_loaded_is_said(spec, match, tmp_path):
    with pytest.raises(FoundationError, match=match):
        load_foundation(spec, tmp_path)


def test_broken_folders_are_said(tmp_path, folder):
    (tmp_path / "open_clip_config.json").write_text(json.dumps(CONFIG))
    spec = Foundation(model=f"local-dir:{tmp_path}")
    with pytest.raises(FoundationError, match="no weights"):
        load_foundation(spec, tmp_path)
    (tmp_path / "open_clip_model.safetensors").write_bytes(b"not weights")
    with pytest.raises(FoundationError, match="cannot be loaded"):
        load_foundation(spec, tmp_path)
    (tmp_path / "open_clip_config.json").unlink()
    with pytest.raises(FoundationError, match=r"no open_clip_config\.json"):
        load_foundation(spec, tmp_path)


@pytest.mark.realdata
def test_derm_clip_sees_rulers():
    if not REAL.is_dir():
        pytest.skip("the shared real data is not here")
    import pandas as pd
    from PIL import Image

    from auditlens.semantics.probes import align, null_embedding, text_probe

    data = REAL.parents[1] / "isic2017"
    table = pd.read_csv(data / "labels.csv")
    rows = pd.concat([table[table["ruler"] == flag].head(25) for flag in (0, 1)])
    model = load_foundation(Foundation(model=f"local-dir:{REAL}"), REAL)
    assert model.dimension == 128
    images = [np.asarray(Image.open(data / "images" / name).convert("RGB")) for name in rows["image"]]
    probe, _ = text_probe(model, ("ruler",), "dermoscopy")
    scores = align(model.embed_images(images), probe, null_embedding(model, "dermoscopy"))
    without, with_ruler = scores[:25], scores[25:]
    assert np.mean(with_ruler[:, None] > without[None]) > 0.85
