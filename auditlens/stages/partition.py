"""One column's values as subgroups of the images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Partition:
    """The images split by the values of one column.

    Attributes
    ----------
    column : str
    values : tuple of str
        Distinct filled cells, in order (numbers by size).
    codes : integers, (images,)
        Index of the image's value; -1 where the cell is empty.
    """

    column: str
    values: tuple[str, ...]
    codes: NDArray[np.integer]

    def holds(self, value: str) -> NDArray[np.bool_]:
        """Whether an image has a value, (images,).

        Raises
        ------
        ValueError
            For a value that no image has.
        """
        return np.asarray(self.codes == self.values.index(value))
