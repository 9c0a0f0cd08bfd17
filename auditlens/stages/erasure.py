"""The lesion erased, a positive control: evidence as arrays, findings as frozen types."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Erasures:
    """What the model says of images whose lesion was erased.

    Attributes
    ----------
    image_indices : (images,)
        Rows of the data index.
    probabilities : (images, classes)
    area : (images,)
        Share of the image that was filled.
    n_without_mask : int
        Images without a mask.
    n_unfit : int
        Images chosen whose mask is empty or leaves too little skin to fill from.
    """

    image_indices: NDArray[np.integer]
    probabilities: NDArray[np.floating]
    area: NDArray[np.floating]
    n_without_mask: int
    n_unfit: int

    def of(self, images: NDArray[np.bool_]) -> Erasures:
        """Those in some of the images of the data index, (images,)."""
        kept = images[self.image_indices]
        return replace(
            self,
            image_indices=self.image_indices[kept],
            probabilities=self.probabilities[kept],
            area=self.area[kept],
        )


class ErasureFinding(Stage):
    """How well one class is still told from the rest once the lesion is gone."""

    class_name: str
    n_images: int
    n_without_mask: int
    n_unfit: int
    area: float
    """Median share of the image that was filled."""
    clean: Estimate
    """AUROC of the same images as they are."""
    erased: Estimate
    """AUROC with the lesion erased; 0.5 is what a model that reads the lesion should fall to."""
    drop: Estimate
    """Clean minus erased, on the same images."""
