"""Alignment of components with concepts, decided on z against matched random image sets (decision rules 1 and 2).

The paper's score a = s(theta, probe) - s(theta, null) is kept beside z. A concept with a labelled column has a second
score: how far theta lies along the direction from images without to images with the concept, because the null of
random sets is strict for concepts that are in every second image. A concept's z is the larger of its scores' z,
standardised again under the same maximum of the random sets; where people flagged the example images, a label that
their flags contradict is not given. A family (all valid, all spurious concepts) passes only when its best z stands
out from the random sets' best z over the same family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditlens.examine.interpretability import component_embeddings
from auditlens.examine.weights import effective_number
from auditlens.stages.evidence import Bools, ComponentExamples, Floats, Ints, Samples, SemanticSpace

N_RANDOM_SETS = 4_000
N_RESAMPLED = 200
N_GROUPS = 4
"""Groups of components whose random sets are weighted alike, where examples have weights."""


@dataclass(frozen=True, slots=True)
class AlignmentTable:
    """Scores of the components of one layer against all concepts.

    Attributes
    ----------
    concepts : tuple of str
    raw : Floats, (components, concepts)
        The paper's a, between -2 and 2.
    z : Floats, (components, concepts)
        Standard deviations above matched random sets.
    z_low, z_high : Floats, (components, concepts)
        95 % percentile interval over resampled examples.
    random_z : Floats, (random sets, concepts)
        z of the random sets themselves: the null of any maximum.
    eligible : Bools, (components, concepts)
        False where people's flags on the example images contradict the concept: then it labels nothing.
    unrelated_pass : float
        Share of components that some unrelated word labels; NaN without such words, or without a component.
    random_pass : float
        Share of fresh random sets that some concept labels.
    """

    concepts: tuple[str, ...]
    raw: Floats
    z: Floats
    z_low: Floats
    z_high: Floats
    random_z: Floats
    eligible: Bools
    unrelated_pass: float
    random_pass: float

    def family_z(self, family: Sequence[str]) -> Floats:
        """Best z over a family, standardised by the random sets' best z over the same family; (components,)."""
        columns = [self.concepts.index(name) for name in family]
        best = self.eligible_z()[:, columns].max(axis=1)
        return standardise(best, self.random_z[:, columns].max(axis=1))

    def eligible_z(self) -> Floats:
        """z, minus infinity where a concept cannot label; (components, concepts)."""
        return np.where(self.eligible, self.z, -np.inf)


@dataclass(frozen=True, slots=True)
class Scorer:
    """Concept scores of a theta: a stack of linear functions of theta / |theta| and theta.

    Attributes
    ----------
    probes : Floats, (concepts, dim)
        probe - null, on unit theta.
    offsets : Floats, (concepts,)
        Added to it; not zero for concept activation vectors only.
    directions : Floats, (concepts, dim)
        Unit contrast direction on theta itself; NaN rows where there is no column.
    """

    probes: Floats
    offsets: Floats
    directions: Floats

    def raw(self, theta: Floats) -> Floats:
        """The paper's a; (sets, dim) -> (sets, concepts)."""
        unit = theta / np.linalg.norm(theta, axis=1, keepdims=True)
        return np.asarray(unit @ self.probes.T + self.offsets)

    def contrast(self, theta: Floats) -> Floats:
        """Position along the labelled direction; (sets, dim) -> (sets, concepts), NaN without a column."""
        return theta @ self.directions.T


def alignments(
    examples: ComponentExamples,
    space: SemanticSpace,
    samples: Samples,
    columns: Mapping[str, str],
    *,
    seed: int,
    threshold: float,
    n_resampled: int = N_RESAMPLED,
    drawn_from: Samples | None = None,
) -> AlignmentTable:
    """Score every component of a layer against every concept that has a probe.

    Parameters
    ----------
    examples : ComponentExamples
    space : SemanticSpace
    samples : Samples
    columns : mapping of concept to column
        For concepts that are labelled.
    seed : int
    threshold : float
        z from which on a concept labels (controls only).
    n_resampled : int
        Draws behind the intervals of z; 0 leaves them out (NaN).
    drawn_from : Samples, optional
        The images that the examples are of; the audited ones by default.
    """
    drawn = samples if drawn_from is None else drawn_from
    rng = np.random.default_rng([seed, 0xA11])
    concepts = tuple(space.probes)
    scorer = _scorer(space, samples, columns, concepts)
    theta = component_embeddings(examples.embeddings, examples.weights)
    nulls = _Nulls.of(examples, scorer, rng)
    z = nulls.z(theta)
    low, high = _interval(examples, drawn, nulls, rng, n_resampled) if n_resampled else (z * np.nan, z * np.nan)
    fresh = nulls.fresh(examples, rng)
    random_z = nulls.random_z
    family_null = random_z.max(axis=1)
    return AlignmentTable(
        concepts=concepts,
        raw=scorer.raw(theta),
        z=z,
        z_low=low,
        z_high=high,
        random_z=random_z,
        eligible=~contradicted(examples.image_indices, drawn, columns, concepts),
        unrelated_pass=_unrelated(space, theta, nulls.random_theta, threshold),
        random_pass=float(np.mean(standardise(fresh.max(axis=1), family_null) > threshold)),
    )


def contradicted(image_indices: Ints, samples: Samples, columns: Mapping[str, str], concepts: Sequence[str]) -> Bools:
    """Where the flags that people set on the example images speak against a concept; (components, concepts).

    The share of flagged examples must exceed the column's base rate by one standard deviation of a random set. Empty
    cells are unknown: they count on neither side, and examples of which nothing is known contradict nothing.
    """
    found = np.zeros((len(image_indices), len(concepts)), dtype=bool)
    for place, name in enumerate(concepts):
        if columns.get(name) not in samples.columns:
            continue  # nobody flagged these images
        flags = samples.columns[columns[name]]
        base = float(np.mean(flags[~np.isnan(flags)] > 0.5))
        known = (image_indices >= 0) & ~np.isnan(flags[image_indices])
        counts = np.maximum(known.sum(axis=1), 1)
        shares = (known & (flags[image_indices] > 0.5)).sum(axis=1) / counts
        found[:, place] = (shares < base + np.sqrt(base * (1 - base) / counts)) & known.any(axis=1)
    return found


def standardise(values: Floats, null: Floats) -> Floats:
    """(value - mean of null) / sd of null along axis 0; 0 where the null does not vary, NaN where it is NaN."""
    spread = null.std(axis=0)
    centred = values - null.mean(axis=0)
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=~(spread <= 1e-12)))


def random_sets(
    pool: Floats, size: int, n_sets: int, rng: np.random.Generator, weights: Floats | None = None
) -> Floats:
    """Mean embedding of `n_sets` random sets of `size` distinct pool entries; (pool, dim) -> (sets, dim).

    With weights, (components, size), every set takes those of a random component, in random order.
    """
    size = min(size, len(pool))
    rows = rng.random((n_sets, len(pool))).argpartition(size - 1, axis=1)[:, :size]
    shares = np.zeros((n_sets, len(pool)), dtype=pool.dtype)
    np.put_along_axis(shares, rows, 1 / size if weights is None else _drawn(weights, size, n_sets, rng), axis=1)
    return shares @ pool


def _drawn(weights: Floats, size: int, n_sets: int, rng: np.random.Generator) -> Floats:
    """Weights of random components, the largest `size` of each, in random order; (sets, size)."""
    largest = -np.sort(-weights, axis=1)[:, :size]
    drawn = rng.permuted(largest[rng.integers(len(largest), size=n_sets)], axis=1)
    return np.asarray(drawn / np.maximum(drawn.sum(axis=1, keepdims=True), 1e-30))


@dataclass(frozen=True, slots=True)
class _Null:
    """Scores of the random sets, against which any theta is standardised."""

    scorer: Scorer
    raw: Floats
    contrast: Floats
    best: Floats

    @classmethod
    def of(cls, scorer: Scorer, random_theta: Floats) -> _Null:
        raw, contrast = scorer.raw(random_theta), scorer.contrast(random_theta)
        return cls(scorer, raw, contrast, _larger(standardise(raw, raw), standardise(contrast, contrast)))

    @property
    def random_z(self) -> Floats:
        """Z of the random sets themselves, (random sets, concepts)."""
        return standardise(self.best, self.best)

    def z(self, theta: Floats) -> Floats:
        """(sets, dim) -> (sets, concepts)."""
        by_probe = standardise(self.scorer.raw(theta), self.raw)
        by_contrast = standardise(self.scorer.contrast(theta), self.contrast)
        return standardise(_larger(by_probe, by_contrast), self.best)


@dataclass(frozen=True, slots=True)
class _Nulls:
    """The random sets that each component is held against.

    Equal weights: one and the same for all. With weights, few examples that count much make theta vary more, so
    components are grouped by their effective number of examples, and each group has random sets weighted alike.
    """

    members: tuple[Ints, ...]
    nulls: tuple[_Null, ...]
    random_theta: Floats

    @classmethod
    def of(cls, examples: ComponentExamples, scorer: Scorer, rng: np.random.Generator) -> _Nulls:
        members = _alike(examples)
        thetas = [_random_theta(examples, rows, N_RANDOM_SETS, rng) for rows in members]
        return cls(members, tuple(_Null.of(scorer, theta) for theta in thetas), np.concatenate(thetas))

    @property
    def random_z(self) -> Floats:
        """Z of the random sets themselves, (random sets, concepts)."""
        return np.concatenate([null.random_z for null in self.nulls])

    def z(self, theta: Floats) -> Floats:
        """(components, dim) -> (components, concepts)."""
        found = np.empty((len(theta), len(self.nulls[0].scorer.probes)))
        for rows, null in zip(self.members, self.nulls, strict=True):
            found[rows] = null.z(theta[rows])
        return found

    def fresh(self, examples: ComponentExamples, rng: np.random.Generator) -> Floats:
        """Z of further random sets, (sets, concepts)."""
        pairs = zip(self.members, self.nulls, strict=True)
        return np.concatenate([null.z(_random_theta(examples, rows, N_RANDOM_SETS // 4, rng)) for rows, null in pairs])


def _alike(examples: ComponentExamples) -> tuple[Ints, ...]:
    """Groups of components with about as many effective examples; one group where the weights are equal."""
    n = len(examples.image_indices)
    if examples.weights is None or n < N_GROUPS:
        return (np.arange(n),)
    order = np.argsort(effective_number(examples.weights), kind="stable")
    return tuple(np.array_split(order, N_GROUPS))


def _random_theta(examples: ComponentExamples, rows: Ints, n_sets: int, rng: np.random.Generator) -> Floats:
    n_examples = int(np.sum(examples.image_indices[0] >= 0)) if len(examples.image_indices) else 1
    weights = None if examples.weights is None or not len(rows) else examples.weights[rows]
    return random_sets(examples.null_embeddings, n_examples, n_sets, rng, weights)


def _larger(by_probe: Floats, by_contrast: Floats) -> Floats:
    return np.fmax(by_probe, by_contrast)  # NaN (no column) loses


def _scorer(space: SemanticSpace, samples: Samples, columns: Mapping[str, str], concepts: tuple[str, ...]) -> Scorer:
    probes = np.stack([space.probes[name].direction(space.null) for name in concepts])
    offsets = np.array([space.probes[name].offset for name in concepts])
    directions = np.full_like(probes, np.nan)
    for row, name in enumerate(concepts):
        labelled = space.labelled(columns.get(name), samples)
        if labelled is not None:
            directions[row] = contrast_direction(labelled.embeddings, labelled.samples, columns[name])
    return Scorer(probes, offsets, directions)


def contrast_direction(embeddings: Floats, samples: Samples, column: str) -> Floats:
    """Unit vector from images without to images with a flag, averaged within strata; NaN where there is no contrast.

    Within label (and site) strata, so that a flag that goes with the diagnosis is not mistaken for the diagnosis.
    """
    flags = samples.columns[column]
    total = np.zeros(embeddings.shape[1])
    strata = samples.strata_for(column)
    for stratum in np.unique(strata):
        inside = strata == stratum
        with_flag, without = inside & (flags > 0.5), inside & (flags <= 0.5)
        if with_flag.any() and without.any():
            weight = 1 / (1 / with_flag.sum() + 1 / without.sum())
            total += weight * (embeddings[with_flag].mean(axis=0) - embeddings[without].mean(axis=0))
    length = np.linalg.norm(total)
    return total / length if length > 1e-12 else np.full_like(total, np.nan)


def _interval(
    examples: ComponentExamples, samples: Samples, nulls: _Nulls, rng: np.random.Generator, n_resampled: int
) -> tuple[Floats, Floats]:
    """95 % percentile interval of z over resampled patients among each component's examples."""
    draws = np.stack(
        [nulls.z(_resampled_theta(examples, samples, rng)) for _ in range(n_resampled)]
    )  # (draws, components, concepts)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return low, high


def _resampled_theta(examples: ComponentExamples, samples: Samples, rng: np.random.Generator) -> Floats:
    """Bayesian bootstrap (Rubin 1981): exponential weights, one per patient; (components, dim)."""
    weight_of_unit = rng.exponential(size=int(samples.units.max()) + 1)
    present = examples.image_indices >= 0
    weights = np.where(present, weight_of_unit[samples.units[examples.image_indices]], 0.0)
    if examples.weights is not None:
        weights = weights * examples.weights
    embeddings = np.nan_to_num(examples.embeddings)
    return np.asarray(np.einsum("km,kmd->kd", weights, embeddings) / weights.sum(axis=1, keepdims=True))


def _unrelated(space: SemanticSpace, theta: Floats, random_theta: Floats, threshold: float) -> float:
    """Share of components that the best of the unrelated words would label."""
    if not space.unrelated or not len(theta):
        return float("nan")
    probes = np.stack([vector - space.null for vector in space.unrelated.values()])
    scorer = Scorer(probes, np.zeros(len(probes)), np.full_like(probes, np.nan))
    null = _Null.of(scorer, random_theta)
    best = standardise(null.z(theta).max(axis=1), null.random_z.max(axis=1))
    return float(np.mean(best > threshold))
