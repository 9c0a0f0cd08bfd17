"""Probes: concepts as vectors of the semantic space, from words, from example images, or from both (paper, 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from auditlens.errors import FoundationError
from auditlens.spec.model import Concept
from auditlens.stages.evidence import Floats, Probe

TEMPLATES: Final[Mapping[str, tuple[str, ...]]] = {
    "paper": ("{}", "{}-like", "a {}", "an image of a close up of {}"),
    "dermoscopy": ("{}", "a {}", "dermoscopy of {}", "a dermoscopic image with {}"),
}
"""Named sets of prompt templates; `paper` is the default of the paper (H.1)."""


class Encoder(Protocol):
    """What probes need of a foundation model."""

    @property
    def reads_text(self) -> bool:
        """Whether it embeds words."""

    def embed_texts(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Embed texts as unit vectors, (texts, dim)."""

    def embed_images(self, images: Sequence[NDArray[np.uint8]], /) -> NDArray[np.float32]:
        """Embed images as unit vectors, (images, dim)."""


def resolve_templates(templates: str | Sequence[str]) -> tuple[str, ...]:
    """Return the templates of a named set, or the given ones.

    Raises
    ------
    FoundationError
        Unknown name, no template, or a template without exactly one `{}`.
    """
    if isinstance(templates, str):
        if templates not in TEMPLATES:
            raise FoundationError(f"unknown templates {templates!r}; valid are {', '.join(TEMPLATES)} or a list")
        return TEMPLATES[templates]
    wrong = [template for template in templates if template.count("{}") != 1]
    if wrong or not templates:
        raise FoundationError(f"each template needs exactly one {{}}; wrong are {wrong or 'all: the list is empty'}")
    return tuple(templates)


def text_probe(encoder: Encoder, texts: Sequence[str], templates: str | Sequence[str]) -> tuple[Floats, Floats]:
    """Embed a concept given in words.

    Per paraphrase: the mean of the unit embeddings of its templates, renormalised. Then the mean over paraphrases,
    renormalised: one probe per concept, since a maximum over paraphrases grows with their number.

    Returns
    -------
    vector : (dim,)
        Unit vector.
    paraphrases : (texts, dim)
        One unit vector per text, in the order given.
    """
    if not texts:
        raise FoundationError("a text probe needs at least one text")
    patterns = resolve_templates(templates)
    prompts = [pattern.replace("{}", text) for text in texts for pattern in patterns]
    embedded = encoder.embed_texts(prompts).reshape(len(texts), len(patterns), -1)
    paraphrases = unit(embedded.mean(axis=1))
    return unit(paraphrases.mean(axis=0)), paraphrases


def null_embedding(encoder: Encoder, templates: str | Sequence[str]) -> Floats:
    """Embed the empty concept: mean of the empty templates' unit embeddings, as a unit vector (paper, 3.3)."""
    return text_probe(encoder, ("",), templates)[0]


def word_probes(encoder: Encoder, words: Sequence[str], templates: str | Sequence[str]) -> dict[str, Floats]:
    """Embed single words, each on its own: the negative controls; (dim,) unit vectors."""
    return {word: text_probe(encoder, (word,), templates)[0] for word in words}


def image_probe(embeddings: Floats) -> Floats:
    """Embed a concept given by example images, (images, dim) -> (dim,): their mean, renormalised."""
    if not len(embeddings):
        raise FoundationError("an image probe needs at least one example image")
    return unit(unit(embeddings).mean(axis=0))


def combine(text: Floats, images: Floats) -> Floats:
    """Merge the text probe and the image probe of one concept: mean of the two unit vectors, renormalised."""
    return unit((unit(text) + unit(images)) / 2)


def align(theta: Floats, probe: Floats, null: Floats) -> Floats:
    """Alignment a = s(theta, probe) - s(theta, null), a difference of cosines (paper, 3.4).

    Parameters
    ----------
    theta : (..., dim)
        Embeddings of components or images.
    probe, null : (dim,)

    Returns
    -------
    (...)
        Between -2 and 2; higher is better aligned. NaN where theta is.
    """
    directions = unit(theta)
    return np.asarray(directions @ unit(probe) - directions @ unit(null))


def leave_one_out_scores(examples: Floats, text: Floats | None, null: Floats) -> Floats:
    """Alignment of each example image with the concept as the other examples (and the texts) define it.

    Parameters
    ----------
    examples : (images, dim)
    text : (dim,) or None
        The text probe, where the concept has words.
    null : (dim,)

    Returns
    -------
    (images,)
        NaN where nothing is left to define the concept: one image and no words.
    """
    others = [np.delete(examples, row, axis=0) for row in range(len(examples))]
    probes = [_probe_from(text, other) for other in others]
    scores = [
        np.nan if probe is None else float(align(row, probe, null)) for row, probe in zip(examples, probes, strict=True)
    ]
    return np.asarray(scores, dtype=float)


def build_space_probes(
    concepts: Mapping[str, Concept],
    encoder: Encoder,
    templates: str | Sequence[str],
    null: Floats,
    example_images: Mapping[str, Sequence[NDArray[np.uint8]]],
) -> dict[str, Probe]:
    """Embed every concept whose probe is made from texts, example images or both.

    Parameters
    ----------
    concepts : mapping of name to Concept
        Their `probe` says which of the two are used; `auto` takes both.
    encoder : Encoder
        One that reads no text leaves the texts out.
    templates : str or sequence of str
        A named set or patterns with `{}`.
    null : (dim,)
        Null embedding.
    example_images : mapping of concept name to images
        RGB, 8 bit; concepts without any may be missing.

    Returns
    -------
    dict of name to Probe
        In the order of `concepts`; those without texts and images that may be used are left out.
    """
    probes = {}
    for name, concept in concepts.items():
        texts = concept.texts if encoder.reads_text and concept.probe in ("auto", "text") else ()
        images = example_images.get(name, ()) if uses_images(concept) else ()
        if texts or len(images):
            probes[name] = _build_probe(name, texts, images, encoder, templates, null)
    return probes


def uses_images(concept: Concept) -> bool:
    """Whether the concept's example images make its probe."""
    return concept.images is not None and concept.probe in ("auto", "images")


def _build_probe(
    name: str,
    texts: Sequence[str],
    images: Sequence[NDArray[np.uint8]],
    encoder: Encoder,
    templates: str | Sequence[str],
    null: Floats,
) -> Probe:
    examples = encoder.embed_images(images) if len(images) else np.empty((0, null.size), np.float32)
    text, paraphrases = text_probe(encoder, texts, templates) if texts else (None, np.empty((0, null.size), np.float32))
    vector = _probe_from(text, examples)
    assert vector is not None  # texts or images: the caller has looked
    return Probe(
        concept=name,
        vector=vector,
        paraphrases=paraphrases,
        texts=tuple(texts),
        n_example_images=len(examples),
        example_scores=leave_one_out_scores(examples, text, null),
        source=" and ".join(word for word, given in (("texts", len(texts)), ("images", len(examples))) if given),
    )


def _probe_from(text: Floats | None, examples: Floats) -> Floats | None:
    """Text, images or both; None for neither."""
    if not len(examples):
        return text
    return image_probe(examples) if text is None else combine(text, image_probe(examples))


def unit(vectors: Floats) -> Floats:
    """Divide by the length along the last axis; zero vectors stay zero, NaN stays NaN."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths))
