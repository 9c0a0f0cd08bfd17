"""Random streams by purpose, so that no two uses of the testbed ever share a seed.

A stream is named by a purpose (what the numbers are for) and integer keys (seed, image index, ...). The
purpose is hashed into the entropy of a `numpy.random.SeedSequence`, beside the keys: training seed 1 and test
seed 1 are different streams by construction, whatever the integers are.
"""

import hashlib
from typing import Final, Literal, get_args

import numpy as np

Purpose = Literal["train", "validation", "test", "reference", "foundation-train", "foundation-held-out"]
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)


def entropy(purpose: str, *keys: int) -> list[int]:
    """Return the entropy words that name a stream.

    Parameters
    ----------
    purpose : str
        What the numbers are for; one of `PURPOSES`, usually with a part after a slash (``"test/lesion"``).
    *keys : int
        Non-negative integers: the seed, the image index and so on.

    Raises
    ------
    ValueError
        If the part before the first slash is no known purpose.
    """
    if purpose.split("/")[0] not in PURPOSES:
        raise ValueError(f"unknown purpose {purpose!r}; valid: {', '.join(PURPOSES)}")
    digest = hashlib.sha256(f"auditlens.testbed/{purpose}".encode()).digest()
    return [int.from_bytes(digest[:8], "little"), len(keys), *keys]


def stream(purpose: str, *keys: int) -> np.random.Generator:
    """Return the generator of a purpose and its keys; the same arguments always give the same numbers."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy(purpose, *keys))))
