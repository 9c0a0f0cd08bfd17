"""Separability: images with spurious features only, as arrays; how well a class is told from them, as frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate

SpuriousSource = Literal["other classes", "backgrounds", "images"]
"""Other classes' images with the artefact put in; images whose lesion is erased, likewise; a folder of real images."""


@dataclass(frozen=True, slots=True)
class SpuriousImages:
    """What the model says of images that show spurious features only.

    Attributes
    ----------
    name : str
        Of the artefact, of the folder, or `combined`.
    source : {"other classes", "backgrounds", "images"}
    artefacts : tuple of str
        What was put in, one after another; empty for a folder.
    image_indices : (images,)
        Rows of the data index; -1 for a folder.
    clean_indices : (k,)
        Rows of the data index that are free of all the artefacts, and to which they apply: the class's among them are
        what the images are compared with. All rows for a folder.
    instances : (images, artefacts)
        Which cut-out or rendered variant of each.
    logits : (images, classes)
        With the artefacts.
    before_logits : (images, classes)
        The same images without them; NaN rows for a folder.
    sham_logits : (images, classes)
        With the shams, one after another; NaN rows where there is none.
    n_unfit : int
        Images whose mask is empty or leaves too little skin to fill from.
    """

    name: str
    source: SpuriousSource
    artefacts: tuple[str, ...]
    image_indices: NDArray[np.integer]
    clean_indices: NDArray[np.integer]
    instances: NDArray[np.integer]
    logits: NDArray[np.floating]
    before_logits: NDArray[np.floating]
    sham_logits: NDArray[np.floating]
    n_unfit: int = 0


class SeparabilityFinding(Stage):
    """How well one class is told, by its margin, from images with spurious features only."""

    name: str
    """The artefact, the folder, or `combined`."""
    class_name: str
    source: SpuriousSource
    artefacts: tuple[str, ...]
    n_class_images: int
    """Images of the class, clean of the artefacts."""
    n_images: int
    """Images with spurious features only."""
    n_unfit: int = 0
    with_artefact: Estimate
    """AUROC against the images with the artefact; 1.0 tells them all apart, 0.5 none (the paper's reading)."""
    without: Estimate | None = None
    """AUROC against the same images without it."""
    sham: Estimate | None = None
    """AUROC against the same images with the sham."""
    drop: Estimate | None = None
    """`without` minus `with_artefact`, paired: what the artefact costs. What decides."""
    drop_beyond_sham: Estimate | None = None
    """The drop with the artefact minus the drop with its sham: `sham` minus `with_artefact`, paired."""
