"""The garbage collector at rest, while much is made and little thrown away."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the garbage collector rest inside, and leave it as it was.

    It would go through all living objects again and again while millions are made that stay: a sixth of the time of
    imports and of the PDF, half of that of reading a spec.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
