"""Images that show spurious features only: several artefacts in one image, and lesions erased before they go in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditlens.challenge.draws import stream
from auditlens.challenge.erasure import can_erase, erase, erased_region
from auditlens.challenge.layering import Part, laid_together
from auditlens.challenge.rendering import ArtefactSource, Image8
from auditlens.challenge.trials import Trial, plan_trials
from auditlens.data.images import load_mask
from auditlens.data.sample import DataIndex, Sample

Layered = tuple[Trial, ...]
"""One image: a trial per artefact, in the order in which they go in."""


@dataclass(frozen=True, slots=True)
class LayeredPicture:
    """One image without the artefacts, with all of them, and with all of their shams (None where one has none)."""

    before: Image8
    inserted: Image8
    sham: Image8 | None


def plan_layered(
    index: DataIndex, sources: Mapping[str, ArtefactSource], rows: Sequence[int], seed: int
) -> tuple[Layered, ...]:
    """Deal each artefact's instances over the images as the artefact tests do, one of each per image.

    Returns
    -------
    tuple of Layered
        By row; a trial per artefact, in the order of `sources`.
    """
    dealt = [plan_trials(index, name, source, rows, seed=seed) for name, source in sources.items()]
    return tuple(zip(*dealt, strict=True))


def neutral_background(sample: Sample, image: Image8, seed: int) -> Image8 | None:
    """Erase the lesion of an image by its mask, with the pixels of the positive control.

    Returns
    -------
    Image8, (height, width, 3), or None
        None where there is no mask, it is empty, or it leaves too little to fill from.
    """
    mask = load_mask(sample, (image.shape[1], image.shape[0]))
    if mask is None:
        return None
    region = erased_region(mask)
    return erase(image, region, stream("erased", sample.digest, seed)) if can_erase(region) else None


def layered_picture(
    sample: Sample, before: Image8, sources: Mapping[str, ArtefactSource], trials: Layered, seed: int
) -> LayeredPicture:
    """Put artefacts into one image, one after another, as `laid_together` does.

    Parameters
    ----------
    sample : Sample
        Names the streams and the mask that is avoided.
    before : Image8, (height, width, 3)
        Its image, or its neutral background.
    sources : mapping of name to ArtefactSource
    trials : Layered
        One trial per source.
    seed : int
    """
    parts = [Part(name, source, trial) for (name, source), trial in zip(sources.items(), trials, strict=True)]
    found = laid_together(sample, before, parts, seed)
    return LayeredPicture(before, found.inserted, found.sham)
