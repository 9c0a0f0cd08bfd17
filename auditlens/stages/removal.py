"""The artefact taken out of images that have it: evidence as arrays, findings as frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate

if TYPE_CHECKING:
    from auditlens.stages.evidence import ArtefactTrials


@dataclass(frozen=True, slots=True)
class Removals:
    """What the model says once the artefact is gone, and once a region beside it is.

    Attributes
    ----------
    trials : ArtefactTrials
        One row per image. `logits` and `probabilities` are those with the artefact filled, the `sham_` ones those
        with the control filled (same shape, same fill, elsewhere); `area` is the share of the image filled; each
        image's artefact is an instance of its own.
    n_masks : int
        Images of the data with a mask.
    n_unflagged : int
        Of these, images whose column does not say that they have the artefact.
    n_no_mask : int
        Of the chosen, images whose mask is empty or covers too much.
    n_over_lesion : int
        Images whose artefact lies over the lesion for the most part.
    n_no_room : int
        Images without a place for the control.
    """

    trials: ArtefactTrials
    n_masks: int
    n_unflagged: int
    n_no_mask: int
    n_over_lesion: int
    n_no_room: int


Agreement = Literal["agrees", "disagrees", "not clear", "not inserted"]
"""Whether taking the artefact out does the opposite of putting it in, both clear of zero."""


class RemovalChange(Stage):
    """Mean paired change when the artefact is taken out."""

    true_class: str | None
    """None: all images."""
    scale: Literal["probability", "margin"]
    removed: Estimate
    control: Estimate
    beyond: Estimate
    """`removed` minus `control`, paired."""


class RemovalFlip(Stage):
    """Decisions that turn: of the images of `from_class` that the device gets right, those then called `to_class`."""

    from_class: str
    to_class: str
    removed: Estimate
    control: Estimate
    beyond: Estimate


class RemovalPicture(Stage):
    """One image before, with the artefact taken out, and with the control, with the probabilities of the class."""

    image_id: str
    kind: Literal["flip", "strongest", "median", "no effect"]
    true_class: str
    before: float
    after: float
    control: float
    files: dict[Literal["before", "after", "control"], str]


class RemovalFinding(Stage):
    """What taking one artefact out of the images that have it does to one class."""

    artefact: str
    label: str
    class_name: str
    n_images: int
    n_units: int
    n_masks: int
    n_unflagged: int
    n_no_mask: int
    n_over_lesion: int
    n_no_room: int
    mean_area: float
    """Share of the image that is filled."""
    changes: tuple[RemovalChange, ...]
    """On the probability by true class, all images first; then the margin of all images."""
    flips: tuple[RemovalFlip, ...]
    inserted: Estimate | None
    """Change of the probability when the artefact is put into images without it, beyond its sham where there is one."""
    agreement: Agreement
    sentence: str
    pictures: tuple[RemovalPicture, ...] = ()
