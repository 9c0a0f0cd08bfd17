"""What the components of a layer are called in the words of a vocabulary, and how many carry each (paper, 3.3 and D.3).

Two labels stand side by side. The paper's: the word with the highest raw alignment, where that reaches a threshold; it
labels nearly every random set of images too, and how many is measured here. The decided one: the word with the
highest z against matched random image sets, where z, and its stand among the random sets' best z over the whole
vocabulary, both exceed the z threshold (decision rules 1 and 2). A vocabulary describes; no gate reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auditlens.examine.interpretability import component_embeddings
from auditlens.findings.alignment import N_RANDOM_SETS, random_sets, standardise
from auditlens.findings.components import share_of
from auditlens.findings.labels import whole_image_examples
from auditlens.spec.model import AuditSpec, Vocabulary
from auditlens.stages.evidence import ComponentExamples, Evidence, Floats, Ints, SemanticSpace
from auditlens.stages.findings import Estimate
from auditlens.stages.labelling import VocabularyFinding, WordCount, WordLabel
from auditlens.stages.plan import PlannedModel


@dataclass(frozen=True, slots=True)
class WordScores:
    """Scores of some components of a layer against all words.

    Attributes
    ----------
    nearest, best : Ints, (components,)
        Position of the word with the highest raw alignment, and of that with the highest z.
    raw, z : Floats, (components,)
        Those scores.
    family_z : Floats, (components,)
        The best z against the random sets' best z over all words.
    random_raw, fresh_z, fresh_family_z : Floats, (random sets,)
        Best raw alignment, best z and its stand, of random image sets: what chance gives.
    """

    nearest: Ints
    raw: Floats
    best: Ints
    z: Floats
    family_z: Floats
    random_raw: Floats
    fresh_z: Floats
    fresh_family_z: Floats


def word_scores(examples: ComponentExamples, words: Floats, null: Floats, seed: int) -> WordScores:
    """Score the components of one layer against the words.

    Parameters
    ----------
    examples : ComponentExamples
        With matched random crops in `null_embeddings`.
    words : Floats, (words, dim)
        Unit vectors.
    null : Floats, (dim,)
        Embedding of the empty templates.
    seed : int
    """
    rng = np.random.default_rng([seed, 0x0CAB])
    probes = words - null
    n_examples = int(np.sum(examples.image_indices[0] >= 0)) if len(examples.image_indices) else 1
    pool, weights = examples.null_embeddings, examples.weights
    chance = raw_alignments(random_sets(pool, n_examples, N_RANDOM_SETS, rng, weights), probes)
    fresh = raw_alignments(random_sets(pool, n_examples, N_RANDOM_SETS // 4, rng, weights), probes)
    raw = raw_alignments(component_embeddings(examples.embeddings, weights), probes)
    best_of_chance = standardise(chance, chance).max(axis=1)
    z, fresh_z = standardise(raw, chance), standardise(fresh, chance).max(axis=1)
    return WordScores(
        nearest=raw.argmax(axis=1),
        raw=raw.max(axis=1),
        best=z.argmax(axis=1),
        z=z.max(axis=1),
        family_z=standardise(z.max(axis=1), best_of_chance),
        random_raw=chance.max(axis=1),
        fresh_z=fresh_z,
        fresh_family_z=standardise(fresh_z, best_of_chance),
    )


def raw_alignments(theta: Floats, probes: Floats) -> Floats:
    """The paper's a = s(theta, word) - s(theta, null), with probes = word - null; (sets, words)."""
    return np.asarray(theta / np.linalg.norm(theta, axis=1, keepdims=True) @ probes.T)


def vocabulary_findings(
    spec: AuditSpec, model: PlannedModel, evidence: Evidence, seed: int
) -> tuple[VocabularyFinding, ...]:
    """Describe every examined layer; nothing without a vocabulary, or without a foundation model that reads text."""
    space, vocabulary = evidence.space, spec.vocabulary
    if space is None or vocabulary is None or not space.words:
        return ()
    return tuple(
        _layer(spec, model, evidence, space, vocabulary, layer, seed)
        for layer, examples in evidence.components.items()
        if len(examples.components)
    )


def _layer(
    spec: AuditSpec,
    model: PlannedModel,
    evidence: Evidence,
    space: SemanticSpace,
    vocabulary: Vocabulary,
    layer: str,
    seed: int,
) -> VocabularyFinding:
    names, vectors = tuple(space.words), np.stack(list(space.words.values()))
    examined = evidence.components[layer]
    cropped = word_scores(examined, vectors, space.null, seed)
    examine = spec.examine
    whole = whole_image_examples(evidence.examples[layer], space, examine.n_examples, examine.example_weights)
    screened = word_scores(whole, vectors, space.null, seed)
    limits = Limits(vocabulary.threshold, spec.examine.z_threshold)
    positions = {int(component): place for place, component in enumerate(examined.components)}
    labels = []
    for index in range(len(whole.components)):
        by_crops = index in positions
        label = _label(cropped if by_crops else screened, positions.get(index, index), names, limits)
        place = {"id": model.component_id(layer, index), "layer": layer, "index": index}
        labels.append(WordLabel(**place, by="crops" if by_crops else "whole images", **label))
    return VocabularyFinding(
        layer=layer,
        n_words=len(names),
        n_components=len(labels),
        raw_threshold=limits.raw,
        z_threshold=limits.z,
        random_paper=float(np.mean(cropped.random_raw >= limits.raw)),
        random_decided=float(np.mean(limits.decide(cropped.fresh_z, cropped.fresh_family_z))),
        categories=category_counts(vocabulary, labels, _sharer(evidence, layer)),
        words=word_counts(vocabulary, labels),
        components=tuple(labels),
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds of the two rules."""

    raw: float
    z: float

    def decide(self, z: Floats, family_z: Floats) -> np.ndarray:
        """Whether a best z labels: it and its stand in the family exceed the threshold."""
        return (z > self.z) & (family_z > self.z)


def _label(scores: WordScores, place: int, names: Sequence[str], limits: Limits) -> dict[str, Any]:
    """Both labels of one component, as fields of `WordLabel`."""
    nearest, word = names[int(scores.nearest[place])], names[int(scores.best[place])]
    decided = bool(limits.decide(scores.z[place], scores.family_z[place]))
    return {
        "nearest": nearest,
        "raw": float(scores.raw[place]),
        "paper_label": nearest if scores.raw[place] >= limits.raw else None,
        "word": word,
        "z": float(scores.z[place]),
        "family_z": float(scores.family_z[place]),
        "label": word if decided else None,
    }


Sharer = Callable[[Sequence[int]], dict[str, Estimate]]
"""Share of relevance of some components of a layer, by class."""


def _sharer(evidence: Evidence, layer: str) -> Sharer:
    own = {name: relevance for (where, name), relevance in evidence.relevance.items() if where == layer}

    def shares(components: Sequence[int]) -> dict[str, Estimate]:
        return {name: share_of(evidence, relevance, components) for name, relevance in own.items()}

    return shares


def category_counts(vocabulary: Vocabulary, labels: Iterable[WordLabel], shares: Sharer) -> tuple[WordCount, ...]:
    """Count components per parent category by both rules, in the order of the vocabulary, with their relevance."""
    rows = list(labels)
    counts = []
    for category, words in vocabulary.categories.items():
        decided = [row.index for row in rows if row.label in words]
        n_paper = sum(row.paper_label in words for row in rows)
        counts.append(WordCount(name=category, n_paper=n_paper, n_decided=len(decided), shares=shares(decided)))
    return tuple(counts)


def word_counts(vocabulary: Vocabulary, labels: Iterable[WordLabel]) -> tuple[WordCount, ...]:
    """Count components per word by both rules; words that label something, the most frequent first."""
    rows = list(labels)
    paper, decided = Counter(row.paper_label for row in rows), Counter(row.label for row in rows)
    counts = [
        WordCount(name=word, category=category, n_paper=paper[word], n_decided=decided[word])
        for category, words in vocabulary.categories.items()
        for word in words
        if paper[word] or decided[word]
    ]
    return tuple(sorted(counts, key=lambda row: (-row.n_decided, -row.n_paper, row.name)))
