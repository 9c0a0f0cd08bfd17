"""Which artefact instance goes into which image: the rows of a test, fixed before any model is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from auditlens.challenge.draws import digest_of, stream
from auditlens.challenge.eligible import eligible
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.regions import focus_region
from auditlens.challenge.rendering import ArtefactSource, Image8, Mask, Rendering
from auditlens.challenge.sham import Sham, make_sham
from auditlens.data.images import load_mask, load_rgb
from auditlens.data.sample import DataIndex, Sample
from auditlens.spec.artefacts import ArtefactBase
from auditlens.stages.evidence import ArtefactTrials


@dataclass(frozen=True, slots=True)
class Trial:
    """One artefact instance in one image.

    Attributes
    ----------
    row : int
        Row of the data index.
    repetition : int
        0 for the first instance in this image.
    instance : int
        Instance of the artefact.
    """

    row: int
    repetition: int
    instance: int


@runtime_checkable
class Choosing(Protocol):
    """A source whose instances do not all go into every image."""

    def instances_for(self, sample: Sample) -> tuple[int, ...]:
        """Instances that may go into an image, at least one for every clean one."""
        ...


@dataclass(frozen=True, slots=True)
class Picture:
    """The images of one trial, as the model sees them before its preprocessing."""

    before: Image8
    rendering: Rendering
    sham: Sham | None


def clean_rows(index: DataIndex, artefact: ArtefactBase, base: Path | None = None) -> tuple[int, ...]:
    """List the images that are free of an artefact, and to which it applies; `eligible` says which are not and why.

    Parameters
    ----------
    index : DataIndex
    artefact : ArtefactBase
    base : Path, optional
        Folder that relative paths start from; the working folder by default.

    Returns
    -------
    tuple of int
        Rows of the data index, ascending.

    Raises
    ------
    ArtefactError
        When the data lacks a column, or it holds text.
    """
    return eligible(index, artefact, base or Path()).rows


def choose_rows(
    rows: Sequence[int], labels: Sequence[int], max_per_class: int, digests: Sequence[str]
) -> tuple[int, ...]:
    """Keep at most so many images per class, drawn by image hash.

    Parameters
    ----------
    rows : sequence of int
        Candidates.
    labels, digests : sequence, (images,)
        Class and SHA-256 of every image of the index.
    max_per_class : int

    Returns
    -------
    tuple of int
        Ascending; does not depend on the order of the index otherwise, and grows by addition with `max_per_class`.
    """
    chosen: list[int] = []
    for label in sorted({int(labels[row]) for row in rows}):
        of_class = sorted((row for row in rows if labels[row] == label), key=lambda row: (digests[row], row))
        chosen += of_class[:max_per_class]
    return tuple(sorted(chosen))


def plan_trials(
    index: DataIndex, artefact_name: str, source: ArtefactSource, rows: Sequence[int], *, seed: int, repeats: int = 1
) -> tuple[Trial, ...]:
    """Deal the instances out evenly: within each class, image after image in an order drawn by hash.

    Parameters
    ----------
    index : DataIndex
    artefact_name : str
    source : ArtefactSource
    rows : sequence of int
        Images to use.
    seed : int
    repeats : int
        Instances per image; different ones as far as there are enough.

    Returns
    -------
    tuple of Trial
        By row, then repetition. Counts of two instances differ by at most one, among images that may have the same
        instances (all, but for a source that says otherwise).
    """
    order = sorted(
        rows,
        key=lambda row: (
            index.samples[row].label,
            digest_of("deal", artefact_name, seed, index.samples[row].digest),
            row,
        ),
    )
    hands = {row: instances_for(source, index.samples[row]) for row in order}
    dealt: dict[int, int] = {}
    for hand in dict.fromkeys(hands.values()):
        dealt |= {row: place for place, row in enumerate(row for row in order if hands[row] == hand)}
    return tuple(
        Trial(row, repetition, hands[row][(dealt[row] * repeats + repetition) % len(hands[row])])
        for row in sorted(rows)
        for repetition in range(repeats)
    )


def instances_for(source: ArtefactSource, sample: Sample) -> Sequence[int]:
    """Instances that may go into an image; a source without `instances_for` puts all of them into all."""
    return source.instances_for(sample) if isinstance(source, Choosing) else range(source.n_instances)


def trial_at(trials: ArtefactTrials, position: int) -> Trial:
    """Recover the trial behind one row of the evidence.

    Parameters
    ----------
    trials : ArtefactTrials
        All trials of an artefact, in the order of `plan_trials`.
    position : int

    Returns
    -------
    Trial
    """
    row = int(trials.image_indices[position])
    repetition = int(np.count_nonzero(trials.image_indices[:position] == row))
    return Trial(row, repetition, int(trials.instances[position]))


def picture(
    index: DataIndex, artefact_name: str, source: ArtefactSource, trial: Trial, seed: int, *, with_sham: bool = True
) -> Picture:
    """Render one trial; the same arguments give the same pixels for every model.

    Place, size and opacity come from a stream named by the image's SHA-256, the artefact, the repetition and the seed,
    the sham, where it is wanted, from a stream beside it.

    Returns
    -------
    Picture
    """
    sample = index.samples[trial.row]
    before = load_rgb(sample)
    rendering = laid(sample, artefact_name, source, before, trial, seed)
    if source.artefact.sham == "none" or not with_sham:
        return Picture(before, rendering, None)
    name = (sample.digest, artefact_name, trial.repetition, seed)
    return Picture(before, rendering, make_sham(before, rendering, stream("sham", *name)))


def laid(
    sample: Sample, artefact_name: str, source: ArtefactSource, image: Image8, trial: Trial, seed: int
) -> Rendering:
    """Lay one artefact into a version of a sample's image, with the stream and the place of the artefact's own test."""
    avoid = avoided(sample, source.artefact.avoid, (image.shape[0], image.shape[1]))
    rng = stream("artefact", sample.digest, artefact_name, trial.repetition, seed)
    return source.render(image, trial.instance, rng, avoid)


def avoided(sample: Sample, avoid: str, size: tuple[int, int]) -> Mask | None:
    """Mark what an artefact must not cover.

    Parameters
    ----------
    sample : Sample
    avoid : {"lesion_mask", "relevance", "centre", "nothing"}
        A sample without a lesion mask, or with an empty one, falls back to the centre; for `relevance` first to where
        the audited model looks, where that was measured.
    size : tuple of int
        Height and width.

    Returns
    -------
    Mask, (height, width), or None
        None for `nothing`.
    """
    if avoid == "nothing":
        return None
    mask = load_mask(sample, (size[1], size[0])) if avoid in ("lesion_mask", "relevance") else None
    if mask is not None and mask.any():
        return mask
    looked_at = focus_region(sample.focus, size) if avoid == "relevance" and sample.focus is not None else None
    return looked_at if looked_at is not None else centre_ellipse(*size)
