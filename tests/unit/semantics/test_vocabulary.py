"""Words as vectors: one unit vector each, templates averaged, words never mixed."""

import numpy as np
import pytest

from auditlens.semantics.probes import TEMPLATES, word_probes
from auditlens.semantics.vocabulary import embed_words


class Letters:
    """Embeds a text by counts of its letters."""

    reads_text = True

    def embed_texts(self, texts):
        self.n_calls = getattr(self, "n_calls", 0) + 1
        rows = np.array([[text.count(letter) + 0.1 for letter in "abcdefgh"] for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_each_word_is_the_mean_of_its_own_templates_in_one_call():
    encoder, words = Letters(), ("head", "badge", "cab")
    found = embed_words(encoder, words, "paper")
    assert encoder.n_calls == 1
    for row, word in zip(found, words, strict=True):
        own = encoder.embed_texts([pattern.replace("{}", word) for pattern in TEMPLATES["paper"]]).mean(axis=0)
        np.testing.assert_allclose(row, own / np.linalg.norm(own), rtol=1e-6)


def test_agrees_with_the_probes_of_single_words():
    words = ("head", "badge")
    single = word_probes(Letters(), words, "dermoscopy")
    np.testing.assert_allclose(embed_words(Letters(), words, "dermoscopy"), [single[word] for word in words], rtol=1e-6)
    assert np.linalg.norm(embed_words(Letters(), words, ["{}"]), axis=1) == pytest.approx(1.0)
