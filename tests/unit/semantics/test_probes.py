import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditlens.errors import FoundationError
from auditlens.semantics import probes
from auditlens.spec.model import Concept


class HashEncoder:
    """Embeds a text by its SHA-256 and an image by its mean colour; counts what it is asked."""

    reads_text = True

    def __init__(self, dimension=16):
        self.dimension = dimension
        self.asked = []

    def embed_texts(self, texts):
        self.asked.extend(texts)
        return np.stack([self._vector(text.encode()) for text in texts])

    def embed_images(self, images):
        return np.stack([self._vector(np.asarray(image).tobytes()) for image in images])

    def _vector(self, content):
        seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
        vector = np.random.default_rng(seed).normal(size=self.dimension)
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def slow_text_probe(encoder, texts, templates):
    """The definition as loops: template by template, text by text."""
    paraphrases = []
    for text in texts:
        vectors = [encoder.embed_texts([template.replace("{}", text)])[0] for template in templates]
        mean = sum(v / np.sqrt((v**2).sum()) for v in vectors) / len(vectors)
        paraphrases.append(mean / np.sqrt((mean**2).sum()))
    total = sum(paraphrases) / len(paraphrases)
    return total / np.sqrt((total**2).sum()), np.stack(paraphrases)


@pytest.mark.parametrize("texts", [("ruler",), ("ruler", "scale bar"), ("a", "b", "c", "d", "e")])
@pytest.mark.parametrize("templates", ["paper", "dermoscopy", ("{}",), ("x {}", "{} y")])
def test_text_probe_equals_the_loop_for_several_queries_and_templates(texts, templates):
    encoder = HashEncoder()
    vector, paraphrases = probes.text_probe(encoder, texts, templates)
    slow_vector, slow_paraphrases = slow_text_probe(encoder, texts, probes.resolve_templates(templates))
    np.testing.assert_allclose(vector, slow_vector, atol=1e-6)
    np.testing.assert_allclose(paraphrases, slow_paraphrases, atol=1e-6)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_each_text_fills_each_template_once():
    encoder = HashEncoder()
    probes.text_probe(encoder, ("ink", "pen"), "paper")
    expected = ["ink", "ink-like", "a ink", "an image of a close up of ink"]
    assert encoder.asked == expected + [prompt.replace("ink", "pen") for prompt in expected]


def test_braces_in_a_text_are_left_alone():
    encoder = HashEncoder()
    probes.text_probe(encoder, ("{0} {x}",), ("a {}",))
    assert encoder.asked == ["a {0} {x}"]


def test_null_embedding_is_the_mean_of_the_empty_templates():
    encoder = HashEncoder()
    null = probes.null_embedding(encoder, "paper")
    assert encoder.asked == ["", "-like", "a ", "an image of a close up of "]
    mean = encoder.embed_texts(encoder.asked[:4]).mean(axis=0)
    np.testing.assert_allclose(null, mean / np.linalg.norm(mean), atol=1e-6)


@pytest.mark.parametrize("templates", ["papers", (), ("no braces",), ("{} {}",)])
def test_wrong_templates_are_refused(templates):
    with pytest.raises(FoundationError, match="template"):
        probes.text_probe(HashEncoder(), ("ruler",), templates)


def test_empty_probes_are_refused():
    with pytest.raises(FoundationError, match="at least one text"):
        probes.text_probe(HashEncoder(), (), "paper")
    with pytest.raises(FoundationError, match="at least one example"):
        probes.image_probe(np.empty((0, 4)))


def test_alignment_subtracts_similarities_not_vectors():
    theta, probe, null = np.array([0.6, 0.8]), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert probes.align(theta, probe, null) == pytest.approx(0.6 - 0.8)
    difference = probe - null
    assert probes.align(theta, probe, null) != pytest.approx(theta @ difference / np.linalg.norm(difference))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_alignment_is_bounded_and_blind_to_scale(seed, scale):
    rng = np.random.default_rng(seed)
    theta, probe, null = rng.normal(size=(7, 5)), rng.normal(size=5), rng.normal(size=5)
    scores = probes.align(theta, probe, null)
    assert (np.abs(scores) <= 2).all()
    np.testing.assert_allclose(probes.align(theta * scale, probe * scale, null), scores, atol=1e-9)


def test_leave_one_out_leaves_one_out():
    rng = np.random.default_rng(0)
    examples, text, null = probes.unit(rng.normal(size=(4, 6))), probes.unit(rng.normal(size=6)), rng.normal(size=6)
    scores = probes.leave_one_out_scores(examples, None, null)
    third = probes.align(examples[2], probes.image_probe(examples[[0, 1, 3]]), null)
    assert scores[2] == pytest.approx(float(third))
    both = probes.leave_one_out_scores(examples, text, null)
    third = probes.align(examples[2], probes.combine(text, probes.image_probe(examples[[0, 1, 3]])), null)
    assert both[2] == pytest.approx(float(third))


def test_a_single_example_without_words_has_no_score():
    assert np.isnan(probes.leave_one_out_scores(np.ones((1, 3)), None, np.ones(3))).all()
    assert np.isfinite(probes.leave_one_out_scores(np.ones((1, 3)), np.ones(3), np.ones(3))).all()


def test_space_probes_use_what_each_concept_has():
    encoder = HashEncoder()
    images = [np.full((4, 4, 3), value, np.uint8) for value in (0, 90, 200)]
    concepts = {
        "words": Concept(texts=("ruler", "scale")),
        "pictures": Concept(images="folder"),
        "both": Concept(texts=("ink",), images="folder"),
        "column": Concept(column="hair"),
    }
    null = probes.null_embedding(encoder, "paper")
    built = probes.build_space_probes(concepts, encoder, "paper", null, {"pictures": images, "both": images})
    assert list(built) == ["words", "pictures", "both"]
    assert built["words"].n_example_images == 0
    assert built["words"].paraphrases.shape == (2, 16)
    assert built["words"].example_scores.shape == (0,)
    assert built["pictures"].paraphrases.shape == (0, 16)
    assert built["pictures"].example_scores.shape == (3,)
    text, _ = probes.text_probe(encoder, ("ink",), "paper")
    pictures = built["pictures"].vector
    np.testing.assert_allclose(built["both"].vector, probes.unit(text + pictures), atol=1e-6)
    assert all(np.linalg.norm(probe.vector) == pytest.approx(1, abs=1e-5) for probe in built.values())
    assert [probe.source for probe in built.values()] == ["texts", "images", "texts and images"]


@pytest.mark.parametrize(("probe", "source"), [("auto", "texts and images"), ("text", "texts"), ("images", "images")])
def test_the_probe_is_made_from_what_the_spec_says(probe, source):
    encoder, images = HashEncoder(), [np.full((4, 4, 3), value, np.uint8) for value in (0, 90)]
    concept = Concept(texts=("ink",), images="folder", column="ink", probe=probe)
    null = probes.null_embedding(encoder, "paper")
    built = probes.build_space_probes({"ink": concept}, encoder, "paper", null, {"ink": images})
    assert built["ink"].source == source


@pytest.mark.parametrize("probe", ["mean", "cav"])
def test_probes_from_the_column_are_not_made_of_words(probe):
    concept = Concept(texts=("ink",), column="ink", probe=probe)
    assert probes.build_space_probes({"ink": concept}, HashEncoder(), "paper", np.ones(16), {}) == {}


def test_an_encoder_without_words_uses_the_example_images_alone():
    encoder, images = HashEncoder(), [np.full((4, 4, 3), value, np.uint8) for value in (0, 90)]
    encoder.reads_text = False
    concepts = {"words": Concept(texts=("ruler",)), "both": Concept(texts=("ink",), images="folder")}
    built = probes.build_space_probes(concepts, encoder, "paper", np.ones(16), {"both": images})
    assert [(name, probe.source) for name, probe in built.items()] == [("both", "images")]
    assert encoder.asked == []
