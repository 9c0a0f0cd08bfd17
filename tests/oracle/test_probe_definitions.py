"""Text probes, the null embedding and image probes, word by word and number by number (paper, 3.3 and H.1)."""

import hashlib
import math

import numpy as np
import pytest

from auditlens.semantics import probes

DIM = 7
PAPER = ["{}", "{}-like", "a {}", "an image of a close up of {}"]


def vector_of(content):
    """A unit vector that depends on every byte."""
    seed = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
    return unit(np.random.default_rng(seed).normal(size=DIM).tolist())


class Encoder:
    """Texts and images go to vectors by their bytes; a wrong prompt or a wrong order gives other vectors."""

    def embed_texts(self, texts):
        return np.array([vector_of(text.encode()) for text in texts], np.float32)

    def embed_images(self, images):
        return np.array([vector_of(np.asarray(image).tobytes()) for image in images], np.float32)


def unit(vector):
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector]


def mean(vectors):
    return [sum(vector[d] for vector in vectors) / len(vectors) for d in range(len(vectors[0]))]


def of_words(texts, templates):
    """Mean over templates for each text, mean over texts; unit vectors at each step."""
    return unit(mean([unit(mean([vector_of(t.replace("{}", text).encode()) for t in templates])) for text in texts]))


def cosine(one, other):
    return sum(a * b for a, b in zip(unit(one), unit(other), strict=True))


@pytest.mark.parametrize("texts", [("ruler",), ("ruler", "scale bar"), ("a", "b", "c", "d", "e")])
@pytest.mark.parametrize(
    ("templates", "patterns"), [("paper", PAPER), (("x {}", "{} y", "{}"), ["x {}", "{} y", "{}"])]
)
def test_text_probes_average_templates_then_paraphrases(texts, templates, patterns):
    vector, paraphrases = probes.text_probe(Encoder(), texts, templates)
    np.testing.assert_allclose(vector, of_words(texts, patterns), atol=1e-6)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(paraphrases[row], of_words([text], patterns), atol=1e-6)


def test_the_null_embedding_is_that_of_the_empty_templates():
    found = probes.null_embedding(Encoder(), "paper")
    prompts = ["", "-like", "a ", "an image of a close up of "]
    np.testing.assert_allclose(found, unit(mean([vector_of(prompt.encode()) for prompt in prompts])), atol=1e-6)


def test_single_words_are_probed_each_on_its_own():
    words = ["banana", "guitar", "sofa"]
    found = probes.word_probes(Encoder(), words, "paper")
    for word in words:
        np.testing.assert_allclose(found[word], of_words([word], PAPER), atol=1e-6)


def test_alignment_is_the_difference_of_two_cosines():
    rng = np.random.default_rng(0)
    thetas, probe, null = rng.normal(size=(5, DIM)) * 3, rng.normal(size=DIM), rng.normal(size=DIM)
    expected = [cosine(t, probe.tolist()) - cosine(t, null.tolist()) for t in thetas.tolist()]
    np.testing.assert_allclose(probes.align(thetas, probe, null), expected, atol=1e-12)


def test_image_probes_and_both_together():
    images = np.random.default_rng(1).normal(size=(4, DIM))
    of_images = unit(mean([unit(row) for row in images.tolist()]))
    np.testing.assert_allclose(probes.image_probe(images), of_images, atol=1e-12)
    text = of_words(["ruler"], PAPER)
    both = unit(mean([text, of_images]))
    np.testing.assert_allclose(probes.combine(np.array(text), np.array(of_images)), both, atol=1e-12)


@pytest.mark.parametrize("with_text", [True, False])
def test_each_example_is_scored_by_the_others(with_text):
    images = [vector_of(bytes([number])) for number in range(5)]
    text, null = of_words(["ruler"], PAPER), vector_of(b"null")
    expected = []
    for left_out in range(5):
        others = unit(mean([row for place, row in enumerate(images) if place != left_out]))
        probe = unit(mean([text, others])) if with_text else others
        expected.append(cosine(images[left_out], probe) - cosine(images[left_out], null))
    found = probes.leave_one_out_scores(np.array(images), np.array(text) if with_text else None, np.array(null))
    np.testing.assert_allclose(found, expected, atol=1e-9)
