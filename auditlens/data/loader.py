"""Decoded batches, read ahead of the model by threads, in a bounded piece of memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from auditlens.data.images import Pixels, load_rgb
from auditlens.data.sample import DataIndex
from auditlens.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


def prefetch(
    items: Sequence[Item], work: Callable[[Item], Result], n_workers: int, ahead: int
) -> Generator[Result, None, None]:
    """Yield `work(item)` in the order of the items, computed by threads at most `ahead` items in advance.

    An exception of `work` is raised at its item; leaving the loop early cancels what was not begun.
    """
    pool = ThreadPoolExecutor(max(1, n_workers))
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def batches(
    index: DataIndex,
    rows: Sequence[int] | NDArray[np.integer],
    prepare: Callable[[Pixels], torch.Tensor],
    batch_size: int,
    n_workers: int = 2,
) -> Iterator[tuple[NDArray[np.int64], torch.Tensor]]:
    """Yield the prepared images of `rows`, in their order.

    At most one batch and `batch_size + n_workers` images ahead of it are in memory.

    Parameters
    ----------
    index : DataIndex
    rows : sequence of int
        Rows of the index; may repeat.
    prepare : callable
        Pixels (height, width, 3) to a tensor (channels, height, width).
    batch_size : int
    n_workers : int
        Threads that decode and prepare.

    Yields
    ------
    rows : NDArray of int, (batch,)
    inputs : torch.Tensor, (batch, channels, height, width)
    """
    wanted = [int(row) for row in rows]
    ahead = batch_size + n_workers
    with closing(prefetch(wanted, lambda row: prepare(load_rgb(index.samples[row])), n_workers, ahead)) as ready:
        for start in range(0, len(wanted), batch_size):
            chosen = wanted[start : start + batch_size]
            yield np.array(chosen, dtype=np.int64), _stack([next(ready) for _ in chosen])


def _stack(inputs: list[torch.Tensor]) -> torch.Tensor:
    """Make one batch of inputs of one shape."""
    shapes = {tuple(tensor.shape) for tensor in inputs}
    if len(shapes) > 1:
        raise InputError(
            f"the prepared images differ in shape: {' and '.join(map(str, sorted(shapes)[:3]))}",
            hint="give `model.preprocessing.resize`",
        )
    return torch.stack(inputs)
