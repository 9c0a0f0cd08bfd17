"""Interleaved timings, and the ratios that are made of them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

Seconds = dict[str, list[float]]
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
clock = ["wall"]
"""Which of them is read: processor time tells the work where other programs take the machine."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One ratio of two timings (or memories), and what it should be.

    Attributes
    ----------
    name : str
        What is divided by what.
    value, low, high : float
        Median, lowest and highest over the rounds; each round divides neighbours in time.
    target : float or None
        None for yardsticks.
    at_most : bool
        Whether the target is an upper limit; else a lower one.
    """

    name: str
    value: float
    low: float
    high: float
    target: float | None = None
    at_most: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the target; None for yardsticks."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


@dataclass(frozen=True, slots=True)
class Row:
    """What one benchmark measured.

    Attributes
    ----------
    key, title : str
    setting : mapping
        Sizes, so that the figures can be read.
    seconds : mapping of candidate to seconds per round
    ratios : tuple of Ratio
    checks : mapping of str to float
        Differences between the results of the candidates.
    bound : str
        What no implementation can go below, in words; its figures are among the ratios.
    """

    key: str
    title: str
    setting: Mapping[str, Any]
    seconds: Mapping[str, list[float]]
    ratios: tuple[Ratio, ...]
    bound: str
    checks: Mapping[str, float] = field(default_factory=dict)


def interleave(candidates: Mapping[str, Callable[[], object]], repeats: int, warm: bool = True) -> Seconds:
    """Time the candidates in turn, A B C A B C ..., so that a busy machine slows all of them alike."""
    if warm:
        for run in candidates.values():
            run()
    seconds: Seconds = {name: [] for name in candidates}
    read = CLOCKS[clock[0]]
    for _ in range(repeats):
        for name, run in candidates.items():
            gc.collect()
            start = read()
            run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()  # a GPU works on after the call returned
            seconds[name].append(read() - start)
    return seconds


def ratio(seconds: Seconds, above: str, below: str, target: float | None = None, at_most: bool = True) -> Ratio:
    """Divide two candidates round by round."""
    rounds = [one / other for one, other in zip(seconds[above], seconds[below], strict=True)]
    return Ratio(f"{above} / {below}", statistics.median(rounds), min(rounds), max(rounds), target, at_most)
