"""A vocabulary as vectors of the semantic space: one unit vector per word, its templates averaged (paper, 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

from auditlens.semantics.probes import Encoder, resolve_templates, unit
from auditlens.stages.evidence import Floats


def embed_words(encoder: Encoder, words: Sequence[str], templates: str | Sequence[str]) -> Floats:
    """Embed every word on its own, all prompts in one call.

    Parameters
    ----------
    encoder : Encoder
    words : sequence of str
        At least one.
    templates : str or sequence of str
        A named set or patterns with `{}`.

    Returns
    -------
    (words, dim)
        Unit vectors: per word the mean of the unit embeddings of its templates, renormalised.

    Raises
    ------
    FoundationError
        Templates without a place for the word.
    """
    patterns = resolve_templates(templates)
    prompts = [pattern.replace("{}", word) for word in words for pattern in patterns]
    return unit(encoder.embed_texts(prompts).reshape(len(words), len(patterns), -1).mean(axis=1))
