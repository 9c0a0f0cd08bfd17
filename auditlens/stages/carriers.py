"""Images that already carry an artefact, told by the score of its concept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Carriers:
    """Which images carry a concept by its score.

    Attributes
    ----------
    concept : str
    holds : bools, (images,)
        The score is above the threshold, or there is none. All True where `why` says that scores cannot tell.
    threshold : float
    source : {"column", "images"}
        What the threshold was set by.
    share_of_examples, share_of_others : float
        How many of the examples, and of the images that they were told from, lie above it.
    why : str
        Why scores cannot tell; empty where they can.
    """

    concept: str
    holds: NDArray[np.bool_]
    threshold: float = float("nan")
    source: str = ""
    share_of_examples: float = float("nan")
    share_of_others: float = float("nan")
    why: str = ""
