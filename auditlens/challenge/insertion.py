"""Artefacts and their shams go into clean images, and the model's answers come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from auditlens.challenge.draws import digest_of, stream
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.rendering import ArtefactSource, Box, Image8, Mask, bounding_box, changed
from auditlens.challenge.sham import make_sham
from auditlens.data.images import load_mask, load_rgb
from auditlens.data.loader import prefetch
from auditlens.data.sample import DataIndex, Sample
from auditlens.errors import ArtefactError, nearest
from auditlens.spec.artefacts import Artefact
from auditlens.stages.evidence import ArtefactTrials, Ints, Samples
from auditlens.subject import Subject

N_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Trial:
    """One image with one instance of one artefact, rendered from the seed alone.

    Attributes
    ----------
    row : int
        Of the data index.
    repetition : int
        Which of the instances that this image gets.
    instance : int
    """

    row: int
    repetition: int
    instance: int


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the model sees in one trial.

    Attributes
    ----------
    before, inserted : Image8, (height, width, 3)
    sham : Image8 or None
    area : float
        Share of the pixels that change.
    energy_ratio : float
        NaN without a sham.
    box : tuple of int
    """

    before: Image8
    inserted: Image8
    sham: Image8 | None
    area: float
    energy_ratio: float
    box: Box


def clean_rows(samples: Samples, artefact: Artefact) -> Ints:
    """Rows that are free of the artefact: its column and all of `clean_of` are 0; an empty cell is not clean.

    Raises
    ------
    ArtefactError
        A column that the data does not have, or that is not numeric.
    """
    clean = np.ones(len(samples.ids), dtype=bool)
    for column in filter(None, (artefact.column, *artefact.clean_of)):
        if column not in samples.columns:
            valid = ", ".join(samples.columns) or "none"
            raise ArtefactError(
                f"the data has no numeric column {column!r}{nearest(column, samples.columns)}; valid are {valid}"
            )
        clean &= samples.columns[column] == 0
    return np.flatnonzero(clean)


def choose_rows(rows: Ints, labels: Ints, max_per_class: int, digests: Sequence[str]) -> Ints:
    """At most so many rows per class, those with the smallest image hashes; ascending."""
    chosen = [
        sorted(rows[labels[rows] == label].tolist(), key=lambda row: (digests[row], row))[:max_per_class]
        for label in np.unique(labels[rows])
    ]
    return np.array(sorted(row for group in chosen for row in group), dtype=np.int64)


def trials_of(
    index: DataIndex, artefact: str, source: ArtefactSource, rows: Ints, *, seed: int, repeats: int
) -> list[Trial]:
    """Which instances each image gets: distinct ones, spread evenly by image hash, the same for every model."""
    return [
        Trial(int(row), repetition, _instance(index.samples[int(row)], artefact, source, seed, repetition))
        for row in rows
        for repetition in range(repeats)
    ]


def _instance(sample: Sample, artefact: str, source: ArtefactSource, seed: int, repetition: int) -> int:
    first = digest_of("instance", sample.digest, artefact, seed)
    return (first + repetition) % source.n_instances


def render_trial(
    index: DataIndex, artefact: str, source: ArtefactSource, trial: Trial, *, seed: int, sham: bool, avoid: str
) -> Pictures:
    """Render one trial: the same pixels whenever and in whatever batch it is asked for.

    Parameters
    ----------
    avoid : {"lesion_mask", "centre", "nothing"}
        What the artefact must not cover; images without a mask avoid the centre.
    """
    sample = index.samples[trial.row]
    before = load_rgb(sample)
    rng = stream(sample.digest, artefact, trial.repetition, seed)
    rendering = source.render(before, trial.instance, rng, _kept_free(sample, before, avoid))
    differs = changed(before, rendering.inserted)
    made = (
        make_sham(before, rendering, stream("sham", sample.digest, artefact, trial.repetition, seed)) if sham else None
    )
    return Pictures(
        before=before,
        inserted=rendering.inserted,
        sham=made.image if made is not None else None,
        area=float(differs.mean()),
        energy_ratio=made.energy_ratio if made is not None else float("nan"),
        box=bounding_box(differs),
    )


def _kept_free(sample: Sample, image: Image8, avoid: str) -> Mask | None:
    if avoid == "nothing":
        return None
    height, width = image.shape[:2]
    mask = load_mask(sample, (width, height)) if avoid == "lesion_mask" and sample.mask is not None else None
    return mask if mask is not None else centre_ellipse(height, width)


def insert(
    subject: Subject,
    index: DataIndex,
    artefact: str,
    described: Artefact,
    source: ArtefactSource,
    rows: Ints,
    *,
    seed: int,
    repeats: int = 1,
    batch_size: int = 32,
    progress: Callable[[int], None] | None = None,
) -> ArtefactTrials:
    """Put an artefact and its sham into images and ask the model; pictures are rendered ahead of it by threads.

    Parameters
    ----------
    subject : Subject
    index : DataIndex
    artefact : str
        Its name in the spec.
    described : Artefact
        Its entry in the spec: whether there is a sham, and what must not be covered.
    source : ArtefactSource
    rows : Ints, (images,)
        Clean rows of the index.
    seed : int
    repeats : int
        Instances per image.
    batch_size : int
    progress : callable, optional
        Told the number of trials just done.
    """
    trials = trials_of(index, artefact, source, rows, seed=seed, repeats=repeats)
    with_sham = described.sham != "none"

    def render(trial: Trial) -> Pictures:
        return render_trial(index, artefact, source, trial, seed=seed, sham=with_sham, avoid=described.avoid)

    answers, pictures = [], []
    with closing(prefetch(trials, render, N_WORKERS, 2 * batch_size)) as ready:
        for start in range(0, len(trials), batch_size):
            batch = [next(ready) for _ in trials[start : start + batch_size]]
            answers.append(_answers(subject, batch))
            pictures += [_figures(picture) for picture in batch]
            if progress is not None:
                progress(len(batch))
    logits, sham_logits = (np.concatenate(part) for part in zip(*answers, strict=True))
    return ArtefactTrials(
        artefact=artefact,
        image_indices=np.array([trial.row for trial in trials], dtype=np.int64),
        instances=np.array([trial.instance for trial in trials], dtype=np.int64),
        instance_names=source.names,
        logits=logits,
        sham_logits=sham_logits,
        probabilities=softmax(logits),
        sham_probabilities=softmax(sham_logits),
        area=np.array([area for area, _, _ in pictures]),
        energy_ratio=np.array([ratio for _, ratio, _ in pictures]),
        boxes=np.array([box for _, _, box in pictures], dtype=np.int64),
    )


def _figures(picture: Pictures) -> tuple[float, float, Box]:
    return picture.area, picture.energy_ratio, picture.box


def _answers(subject: Subject, batch: Sequence[Pictures]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits with the artefact and with the sham, (B, classes) each; NaN without a sham."""
    inserted = _logits(subject, [picture.inserted for picture in batch])
    shams = [picture.sham for picture in batch if picture.sham is not None]
    return inserted, _logits(subject, shams) if shams else np.full_like(inserted, np.nan)


@torch.no_grad()
def _logits(subject: Subject, images: Sequence[Image8]) -> NDArray[np.float32]:
    batch = torch.stack([subject.prepare(image) for image in images])
    return np.asarray(subject.logits(batch).float().cpu().numpy(), dtype=np.float32)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities, (rows, classes); NaN rows stay NaN."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)
