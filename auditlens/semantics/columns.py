"""Probes for concepts without words: what a labelled column says, as a direction of the semantic space.

`mean`: the mean unit embedding of the images with the flag, against that of the images without it (paper, 3.4: null
embeddings may be those of background images). `cav`: a concept activation vector (Kim et al. 2018), the normal of the
plane that a linear support vector machine puts between the two on standardised embeddings. Both within strata, so that
a flag that goes with the diagnosis is not mistaken for the diagnosis.

A probe must not be judged on the images that it was made from: `out_of_fold` scores come from probes made from the
images of other units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from sklearn.svm import LinearSVC

from auditlens.semantics.probes import unit
from auditlens.stages.evidence import Bools, Floats, Ints, Probe, Samples

Kind = Literal["mean", "cav"]
N_FOLDS: Final = 5
FEWEST_UNITS: Final = 5
"""Units with the flag, and units without, below which a column gives no probe."""
PENALTY: Final = 1e-3
"""C of the support vector machine on standardised embeddings with weights of mean one."""
MAX_STEPS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Direction:
    """A linear score of unit embeddings: x @ (vector - null) + offset."""

    vector: Floats
    null: Floats
    offset: float

    def scores(self, embeddings: Floats) -> Floats:
        """(rows, dim) -> (rows,)."""
        return np.asarray(embeddings @ (self.vector - self.null) + self.offset)


def column_probe(
    concept: str, embeddings: Floats, samples: Samples, flag: str, kind: Kind, seed: int
) -> tuple[Probe | None, str]:
    """Make a probe from the column that labels a concept.

    Parameters
    ----------
    concept : str
    embeddings : (images, dim)
        Unit vectors of the uncropped images.
    samples : Samples
    flag : str
        A column of the samples: above 0.5 is with the concept, NaN is not used.
    kind : {"mean", "cav"}
    seed : int
        Of the folds; all images of one unit are in one fold.

    Returns
    -------
    probe : Probe or None
    why : str
        Why there is none; empty otherwise.
    """
    flags, strata = samples.columns[flag], samples.strata_for(flag)
    weights = contrast_weights(flags, strata)
    few = _too_few(flags, samples.units, weights)
    if few:
        return None, f"the column {flag!r} gives no probe: {few}"
    whole = fit(embeddings, flags > 0.5, weights, kind)
    probe = Probe(
        concept=concept,
        vector=whole.vector,
        paraphrases=np.empty((0, embeddings.shape[1]), np.float32),
        texts=(),
        source=kind,
        null=whole.null,
        offset=whole.offset,
        out_of_fold=out_of_fold(embeddings, flags, samples.units, strata, kind, seed),
    )
    return probe, ""


def contrast_weights(flags: Floats, strata: Ints) -> Floats:
    """Weights under which the flag is independent of the stratum; (images,).

    Within a stratum, images with and without the flag weigh the same in total, n1 * n0 / (n1 + n0) each side (the
    weight of least variance for a difference of means). Zero where the flag is unknown or does not vary.
    """
    weights = np.zeros(flags.size)
    for stratum in np.unique(strata):
        inside = strata == stratum
        sides = inside & (flags > 0.5), inside & (flags <= 0.5)
        n_with, n_without = (int(side.sum()) for side in sides)
        if n_with and n_without:
            for side, n in zip(sides, (n_with, n_without), strict=True):
                weights[side] = n_with * n_without / (n_with + n_without) / n
    return weights


def _too_few(flags: Floats, units: Ints, weights: Floats) -> str:
    used = weights > 0
    counts = [len(np.unique(units[used & side])) for side in (flags > 0.5, flags <= 0.5)]
    if min(counts) >= FEWEST_UNITS:
        return ""
    return (
        f"{counts[0]} units with the flag and {counts[1]} without, {FEWEST_UNITS} of each are needed in shared strata"
    )


def fit(embeddings: Floats, flags: Bools, weights: Floats, kind: Kind) -> Direction:
    """Fit a direction to weighted images; those of weight 0 are left out."""
    used = weights > 0
    return FITS[kind](np.asarray(embeddings[used], float), flags[used], weights[used])


def _mean(embeddings: Floats, flags: Bools, weights: Floats) -> Direction:
    with_flag, without = (unit(np.average(embeddings[side], axis=0, weights=weights[side])) for side in (flags, ~flags))
    return Direction(with_flag, without, 0.0)


def _cav(embeddings: Floats, flags: Bools, weights: Floats) -> Direction:
    """The normal of the separating plane in the embedding space; scores are signed distances to the plane."""
    weights = weights / weights.mean()
    centre = np.average(embeddings, axis=0, weights=weights)
    spread = np.sqrt(np.average((embeddings - centre) ** 2, axis=0, weights=weights))
    spread = np.where(spread > 0, spread, 1.0)
    machine = LinearSVC(C=PENALTY, dual=False, max_iter=MAX_STEPS)
    machine.fit((embeddings - centre) / spread, flags, sample_weight=weights)
    normal = machine.coef_[0] / spread
    length = float(np.linalg.norm(normal))
    offset = float(machine.intercept_[0]) - float(normal @ centre)
    return Direction(normal / length, np.zeros_like(normal), offset / length)


FITS: Final = {"mean": _mean, "cav": _cav}
"""How a direction is fitted, by kind."""


def out_of_fold(embeddings: Floats, flags: Floats, units: Ints, strata: Ints, kind: Kind, seed: int) -> Floats:
    """Score every image by a probe that was made without its unit; (images,), NaN where the other folds lack a side.

    The folds' scores are brought to one scale: 0 is midway between the means of the two sides, +1 and -1 are the
    means, both measured on the images that the fold's probe was made from.
    """
    folds = folds_of(units, flags, seed)
    scores = np.full(flags.size, np.nan)
    for fold in range(N_FOLDS):
        inside = folds == fold
        weights = np.where(inside, 0.0, contrast_weights(np.where(inside, np.nan, flags), strata))
        if not weights.any():
            continue
        direction = fit(embeddings, flags > 0.5, weights, kind)
        scores[inside] = _on_one_scale(direction, embeddings, flags, weights)[inside]
    return scores


def _on_one_scale(direction: Direction, embeddings: Floats, flags: Floats, weights: Floats) -> Floats:
    scores = direction.scores(embeddings)
    high, low = (float(np.average(scores[side], weights=weights[side])) for side in (flags > 0.5, flags <= 0.5))
    return np.asarray((scores - (high + low) / 2) / max((high - low) / 2, 1e-12))


def folds_of(units: Ints, flags: Floats, seed: int) -> Ints:
    """Fold of each image, 0 to `N_FOLDS` - 1: units with the flag and units without are dealt out evenly."""
    rng = np.random.default_rng([seed, 0xF01D])
    distinct, inverse = np.unique(units, return_inverse=True)
    flagged = np.zeros(distinct.size, dtype=bool)
    np.logical_or.at(flagged, inverse, flags > 0.5)
    fold = np.empty(distinct.size, dtype=np.int64)
    for side in (flagged, ~flagged):
        rows = rng.permutation(np.flatnonzero(side))
        fold[rows] = np.arange(rows.size) % N_FOLDS
    return fold[inverse]
