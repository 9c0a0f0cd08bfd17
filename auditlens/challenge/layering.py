"""Several artefacts laid into one image, one after another, and their shams likewise into another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditlens.challenge.draws import stream
from auditlens.challenge.rendering import ArtefactSource, Image8, Plane
from auditlens.challenge.sham import make_sham
from auditlens.challenge.trials import Trial, laid
from auditlens.data.sample import Sample


@dataclass(frozen=True, slots=True)
class Part:
    """One artefact of several.

    Attributes
    ----------
    name : str
        As in the spec: it names the streams of place, size and opacity.
    source : ArtefactSource
    trial : Trial
        Its instance and repetition.
    """

    name: str
    source: ArtefactSource
    trial: Trial


@dataclass(frozen=True, slots=True)
class LaidTogether:
    """One image with all of the artefacts.

    Attributes
    ----------
    inserted : Image8, (height, width, 3)
    alpha : Plane, (height, width)
        How much of each pixel is covered by any of them, 0 to 1.
    sham : Image8 or None
        With all of the shams; None where one of the artefacts has none.
    """

    inserted: Image8
    alpha: Plane
    sham: Image8 | None


def laid_together(sample: Sample, before: Image8, parts: Sequence[Part], seed: int) -> LaidTogether:
    """Lay artefacts into an image in their order; later ones may cover earlier ones.

    Each draws from the stream of its own artefact test, so that it lies where it lies when it is put in alone. The
    shams are laid in the same order: each is as strong as its artefact would be on what has been laid so far.

    Parameters
    ----------
    sample : Sample
        Names the streams and the mask that is avoided.
    before : Image8, (height, width, 3)
    parts : sequence of Part
    seed : int
    """
    inserted, bare = before, np.ones(before.shape[:2], dtype=np.float32)
    sham = None if any(part.source.artefact.sham == "none" for part in parts) else before
    for part in parts:
        drawn = laid(sample, part.name, part.source, inserted, part.trial, seed)
        if sham is not None:
            own = drawn if sham is inserted else laid(sample, part.name, part.source, sham, part.trial, seed)
            rng = stream("sham", sample.digest, part.name, part.trial.repetition, seed)
            sham = make_sham(sham, own, rng).image
        inserted, bare = drawn.inserted, bare * (1.0 - drawn.alpha)
    return LaidTogether(inserted, 1.0 - bare, sham)
