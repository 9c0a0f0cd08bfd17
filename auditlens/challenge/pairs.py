"""Example pairs for the report: which trials are telling, and exactly what the model saw in them."""

from __future__ import annotations

from typing import Literal

import numpy as np

from auditlens.challenge.insertion import Trial, render_trial
from auditlens.challenge.rendering import ArtefactSource, Image8
from auditlens.data.sample import DataIndex
from auditlens.spec.artefacts import Artefact
from auditlens.stages.evidence import ArtefactTrials, Predictions

Kind = Literal["flip", "strongest", "median", "no effect"]
Part = Literal["before", "after", "sham"]


def choose_pairs(
    trials: ArtefactTrials, predictions: Predictions, class_index: int, threshold: float | None, n: int
) -> tuple[tuple[int, Kind], ...]:
    """Pick trials: a decision that turns, the strongest change, a median one, and one without effect.

    The kinds are named in the report, so that a strong example is not taken for a typical one.

    Returns
    -------
    tuple of (trial, kind)
        At most `n`, each trial once.
    """
    clean = predictions.probabilities[trials.image_indices, class_index]
    change = np.abs(trials.probabilities[:, class_index] - clean)
    limit = 0.5 if threshold is None else threshold
    turned = (clean >= limit) != (trials.probabilities[:, class_index] >= limit)
    order = np.argsort(change, kind="stable")
    wanted: list[tuple[int, Kind]] = [
        (int(order[-1]), "strongest"),
        (int(order[len(order) // 2]), "median"),
        (int(order[0]), "no effect"),
    ]
    if turned.any():
        flips = order[turned[order]]
        wanted.insert(0, (int(flips[len(flips) // 2]), "flip"))
    chosen: dict[int, Kind] = {}
    for trial, kind in wanted:
        chosen.setdefault(trial, kind)
    return tuple(chosen.items())[:n]


def render_pair(
    index: DataIndex, described: Artefact, source: ArtefactSource, trials: ArtefactTrials, trial: int, *, seed: int
) -> dict[Part, Image8]:
    """Render one trial again: the same pixels that the model saw."""
    row = int(trials.image_indices[trial])
    repetition = int(np.sum(trials.image_indices[:trial] == row))
    pictures = render_trial(
        index,
        trials.artefact,
        source,
        Trial(row, repetition, int(trials.instances[trial])),
        seed=seed,
        sham=described.sham != "none",
        avoid=described.avoid,
    )
    parts: dict[Part, Image8] = {"before": pictures.before, "after": pictures.inserted}
    return parts if pictures.sham is None else parts | {"sham": pictures.sham}
