"""What shows that the foundation model sees a concept: how many images, on which side; nothing is embedded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from auditlens.challenge.rendering import ArtefactSource
from auditlens.challenge.trials import plan_trials
from auditlens.findings.confrontation import artefact_of
from auditlens.gather.context import Context
from auditlens.gather.seen import N_SEEN, needs_insertion
from auditlens.gather.space import example_paths
from auditlens.gather.trials import trial_rows
from auditlens.semantics.probes import uses_images
from auditlens.stages.evidence import Bools, Ints


@dataclass(frozen=True, slots=True)
class Seen:
    """Images with a concept and without it, (images,) each.

    Attributes
    ----------
    rows, units : Ints
    positives : Bools
    """

    rows: Ints
    units: Ints
    positives: Bools


def seen_images(context: Context, name: str, sources: Mapping[str, ArtefactSource]) -> Seen | None:
    """By the best source there is, as `findings.observability.observe` takes it; None where nothing labels it."""
    concept = context.spec.concepts.get(name)
    if concept is None or concept.not_assessable is not None:
        return None
    samples = context.labelling(concept.flag)
    if samples is not None and concept.flag is not None:
        flags = samples.columns[concept.flag]
        rows = np.flatnonzero(~np.isnan(flags))
        return Seen(rows, samples.units[rows], np.asarray(flags[rows] > 0.5))
    if uses_images(concept):
        return _beside(len(example_paths(context, name)), context.samples.units)
    artefact = artefact_of(context.spec, name)
    if artefact is None or not needs_insertion(concept, context):
        return None
    n_trials = _n_trials(context, artefact, sources)
    return _beside(min(N_SEEN, n_trials), np.arange(min(N_SEEN, n_trials))) if n_trials else None


def _beside(n_positive: int, units: Ints) -> Seen:
    """So many further images with the concept, each its own unit, beside images without it."""
    own = np.arange(n_positive) + units.max(initial=0) + 1
    positives = np.repeat([True, False], [n_positive, len(units)])
    return Seen(np.arange(n_positive + len(units)), np.concatenate([own, units]), positives)


def _n_trials(context: Context, artefact: str, sources: Mapping[str, ArtefactSource]) -> int:
    rows, repeats = trial_rows(context, context.spec.artefacts[artefact]), context.spec.challenge.instances_per_image
    if artefact not in sources:  # a transplant: as many as can be
        return len(rows) * repeats
    seed = context.spec.seed
    return len(plan_trials(context.index, artefact, sources[artefact], rows, seed=seed, repeats=repeats))
