"""Example pairs for the report: which trials to show, and the pictures exactly as the model saw them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from auditlens.challenge.rendering import ArtefactSource, Image8
from auditlens.challenge.trials import picture, trial_at
from auditlens.data.sample import DataIndex
from auditlens.stages.evidence import ArtefactTrials, Floats, Predictions

Kind = Literal["flip", "strongest", "median", "no effect"]


@dataclass(frozen=True, slots=True)
class ChosenPair:
    """One trial worth showing.

    Attributes
    ----------
    position : int
        Row of the trials.
    kind : {"flip", "strongest", "median", "no effect"}
    before, after : float
        Probability of the class.
    sham : float or None
    """

    position: int
    kind: Kind
    before: float
    after: float
    sham: float | None


def choose_pairs(
    trials: ArtefactTrials, predictions: Predictions, class_index: int, threshold: float | None, n: int
) -> tuple[ChosenPair, ...]:
    """Pick trials that show what the artefact does: a flip where there is one, the strongest, the median, none.

    Parameters
    ----------
    trials : ArtefactTrials
    predictions : Predictions
        Of the clean images.
    class_index : int
        The audited class.
    threshold : float or None
        Operating point; None decides by the largest probability.
    n : int
        Most pairs; beyond the four kinds come further flips, strongest first.

    Returns
    -------
    tuple of ChosenPair
        No image twice; fewer than n where there are fewer images.
    """
    before = predictions.probabilities[trials.image_indices]
    change = trials.probabilities[:, class_index] - before[:, class_index]
    turned = _decided(before, class_index, threshold) != _decided(trials.probabilities, class_index, threshold)
    by_size = np.argsort(-np.abs(change), kind="stable")
    flips = [int(i) for i in by_size if turned[i]]
    around_median = np.argsort(np.abs(change - np.median(change)), kind="stable") if len(change) else by_size
    wanted: list[tuple[Kind, list[int]]] = [
        ("flip", flips),
        ("strongest", [int(i) for i in by_size]),
        ("median", [int(i) for i in around_median]),
        ("no effect", [int(i) for i in by_size[::-1]]),
        *[("flip", flips) for _ in range(max(n - 4, 0))],
    ]
    return tuple(_chosen(trials, before[:, class_index], class_index, *pick) for pick in _distinct(wanted, trials, n))


def _decided(probabilities: Floats, class_index: int, threshold: float | None) -> Floats:
    if threshold is None:
        return np.asarray(probabilities.argmax(axis=1) == class_index)
    return np.asarray(probabilities[:, class_index] >= threshold)


def _distinct(wanted: list[tuple[Kind, list[int]]], trials: ArtefactTrials, n: int) -> list[tuple[int, Kind]]:
    """Take the first trial of each list whose image was not taken before."""
    taken: set[int] = set()
    picks: list[tuple[int, Kind]] = []
    for kind, positions in wanted[: max(n, 0)] if n < 4 else wanted:
        free = next((p for p in positions if int(trials.image_indices[p]) not in taken), None)
        if free is not None and len(picks) < n:
            taken.add(int(trials.image_indices[free]))
            picks.append((free, kind))
    return picks


def _chosen(trials: ArtefactTrials, before: Floats, class_index: int, position: int, kind: Kind) -> ChosenPair:
    sham = float(trials.sham_probabilities[position, class_index])
    return ChosenPair(
        position=position,
        kind=kind,
        before=float(before[position]),
        after=float(trials.probabilities[position, class_index]),
        sham=None if np.isnan(sham) else sham,
    )


def render_pair(
    index: DataIndex, artefact_name: str, source: ArtefactSource, trials: ArtefactTrials, position: int, seed: int
) -> tuple[Image8, Image8, Image8 | None]:
    """Render one trial again, pixel for pixel as the model saw it.

    Parameters
    ----------
    index : DataIndex
    artefact_name : str
    source : ArtefactSource
    trials : ArtefactTrials
        All trials of the artefact.
    position : int
        Row of the trials.
    seed : int
        The one that `insert` was given.

    Returns
    -------
    before, after, sham : Image8, (height, width, 3)
        sham is None where it is switched off.
    """
    shown = picture(index, artefact_name, source, trial_at(trials, position), seed)
    return shown.before, shown.rendering.inserted, shown.sham.image if shown.sham is not None else None
