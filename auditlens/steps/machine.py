"""Where a run computes, and where it keeps what it has computed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from threadpoolctl import threadpool_limits

from auditlens.stages.progress import Progress, Silent
from auditlens.store import Store

BATCH_SIZE: Final = 32
MOST_THREADS: Final = 8


@dataclass(frozen=True, slots=True)
class Machine:
    """What a call says about the machine; device, batch size and threads are part of the plan.

    Attributes
    ----------
    device : {"auto", "cpu", "cuda"}
    store : path or None
        Folder of the stored results; the user's cache by default.
    batch_size, threads : int or None
    progress : Progress
        Told of every stage.
    """

    device: str = "auto"
    store: str | Path | None = None
    batch_size: int | None = None
    threads: int | None = None
    progress: Progress = field(default_factory=Silent)

    @property
    def options(self) -> dict[str, Any]:
        """The same as options of `audit`."""
        names = ("device", "store", "batch_size", "threads", "progress")
        return {name: getattr(self, name) for name in names}

    @property
    def images_per_pass(self) -> int:
        """Images per forward pass."""
        return self.batch_size or BATCH_SIZE

    def opened_store(self) -> Store:
        """Open the store."""
        return Store(Path(self.store) if self.store else None)


def use_threads(threads: int | None) -> None:
    """Set the number of CPU threads, of torch and of numpy's BLAS; a few by default, since more are not faster.

    Each BLAS has a pool of its own, whose threads spin while they wait: two audits at once on two cores took
    several times as long over the bootstrap's small products.
    """
    n_threads = threads or min(MOST_THREADS, os.cpu_count() or 1)
    torch.set_num_threads(n_threads)
    threadpool_limits(limits=n_threads, user_api="blas")


def best_device(name: str) -> str:
    """Name of the device to run on; `auto` takes cuda where there is one."""
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"
