"""What the rest of a run would take: seconds and memory, from earlier runs where there are any, else assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from auditlens.gather.context import Context
from auditlens.preview.looks import Asked
from auditlens.stages.planned_run import NOTHING, PlannedCost, PlannedStep, Span
from auditlens.store.content import Spent
from auditlens.store.rates import Rates, all_rates

OPERATIONS: Final = 150
"""Floating-point operations per parameter of a forward pass at 224 pixels; networks lie between 70 and 220."""
SPEED: Final = {"cpu": (2e9, 60e9), "cuda": (5e11, 2e13)}
"""Operations in a second, lowest and highest."""
PICTURE: Final = (0.003, 0.06)
"""Seconds to read, render and prepare one picture of 224 pixels."""
BACKWARD: Final = 2.0
"""A backward pass, in forward passes."""
SAME: Final = (0.7, 1.4)
"""How far a rate of the same model, machine, batch size and threads may be off."""
ALIKE: Final = (0.4, 2.5)
"""How far a rate of another model of the same architecture may be off."""
REST: Final = (10.0, 120.0)
"""Seconds to judge and to write the reports, where no run tells."""
BASE_GB: Final = 0.8
"""Python with torch and the libraries."""
ACTIVATIONS: Final = (8, 80)
"""Values kept per value of the input while a batch runs forward and backward."""


@dataclass(frozen=True, slots=True)
class Known:
    """Rates that fit this run, and how far they may be off."""

    rates: Rates
    reach: tuple[float, float]
    said: str


def about(context: Context) -> dict[str, Any]:
    """What a rate holds for."""
    behaving = context.subject.digest if context.released is None else context.released.digest
    return {
        "model": [context.subject.digest, behaving],
        "architecture": context.subject.architecture,
        "foundation": None if context.spec.foundation is None else context.spec.foundation.model,
        "on": str(context.model_key["on"]),
        "threads": context.model_key["threads"],
        "batch": context.batch_size,
    }


def known_rates(context: Context) -> Known | None:
    """Rates of this very model, else of its architecture, on this kind of device; None without any."""
    mine = about(context)
    found = list(all_rates(context.store.root))
    for rates in found:
        if rates.about == mine:
            return Known(rates, SAME, "seconds per image of earlier runs of this model in the store")
    for rates in found:
        if all(rates.about.get(name) == mine[name] for name in ("architecture", "on")):
            return Known(rates, ALIKE, "seconds per image of earlier runs of the same architecture in the store")
    return None


def costed(context: Context, asked: Sequence[Asked], known: Known | None) -> tuple[PlannedStep, ...]:
    """Put a price on every stage."""
    return tuple(_costed(context, step, known) for step in asked)


def _costed(context: Context, step: Asked, known: Known | None) -> PlannedStep:
    left = Span(low=max(step.items.low - step.n_stored, 0), high=max(step.items.high - step.n_stored, 0))
    share = (_ratio(left.low, step.items.low), _ratio(left.high, step.items.high))
    forward, backward = _share(step.forward, share), _share(step.backward, share)
    rate = known.rates.stages.get(step.stage) if known is not None else None
    measured = rate is not None and rate.n_items > 0
    seconds = (
        _from_rate(left, rate, known.reach)
        if rate is not None and known is not None and measured
        else _assumed(context, step, left, forward, backward)
    )
    return PlannedStep(
        title=step.title,
        stage=step.stage,
        model=step.model,
        items=step.items,
        n_stored=step.n_stored,
        left=left,
        forward=step.forward,
        backward=step.backward,
        forward_left=forward,
        backward_left=backward,
        seconds=seconds,
        measured=measured,
        note=step.note,
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _share(span: Span, share: tuple[float, float]) -> Span:
    low, high = sorted((span.low * share[0], span.high * share[1]))
    return Span(low=float(round(low)), high=float(round(high)))


def _from_rate(left: Span, rate: Spent, reach: tuple[float, float]) -> Span:
    return left.times(rate.seconds / rate.n_items * reach[0], rate.seconds / rate.n_items * reach[1])


def _assumed(context: Context, step: Asked, left: Span, forward: Span, backward: Span) -> Span:
    """Operations by parameters and image size, plus the pictures."""
    size = context.subject.input_shape[1:]
    area = (size[0] * size[1] / 224**2) if len(size) == 2 else 1.0
    operations = OPERATIONS * _parameters(context, step) * area
    slow, fast = SPEED["cuda" if str(context.model_key["on"]).startswith("cuda") else "cpu"]
    passes = forward + backward.times(BACKWARD, BACKWARD)
    return passes.times(operations / fast, operations / slow) + left.times(PICTURE[0] * area, PICTURE[1] * area)


def _parameters(context: Context, step: Asked) -> int:
    module = getattr(context.foundation, "module", None) if step.model == "foundation" else None
    if module is not None:
        return sum(one.numel() for one in module.parameters())
    return max(context.subject.n_parameters, 1_000)


def cost_of(context: Context, steps: Sequence[PlannedStep], known: Known | None) -> PlannedCost:
    """Sum up, and say what the numbers rest on."""
    seconds = sum((step.seconds for step in steps), start=NOTHING)
    rest = known.rates.rest if known is not None and known.rates.rest else None
    beside = Span(low=REST[0], high=REST[1]) if rest is None else Span(low=rest * 0.7, high=rest * 1.4)
    gigabytes, said = _memory(context, known)
    return PlannedCost(
        seconds=seconds + beside, time_basis=_time_basis(steps, known), gigabytes=gigabytes, memory_basis=said
    )


def _time_basis(steps: Sequence[PlannedStep], known: Known | None) -> str:
    open_steps = [step for step in steps if not step.cached]
    assumed = sum(not step.measured for step in open_steps)
    if not open_steps:
        return "nothing is left to compute; reading, judging and the reports remain"
    assumption = (
        f"an assumption: {OPERATIONS} operations per parameter and forward pass at 224 pixels, "
        f"{SPEED['cpu'][0] / 1e9:g} to {SPEED['cpu'][1] / 1e9:g} billion a second on a CPU, "
        f"{SPEED['cuda'][0] / 1e12:g} to {SPEED['cuda'][1] / 1e12:g} trillion on a GPU"
    )
    if known is None or assumed == len(open_steps):
        return assumption
    return known.said + (f"; of {assumed} of {len(open_steps)} stages {assumption}" if assumed else "")


def _memory(context: Context, known: Known | None) -> tuple[Span, str]:
    if known is not None and known.rates.peak:
        peak = known.rates.peak / 1e9
        return Span(low=peak * 0.9, high=peak * 1.3), "the most that earlier runs took"
    weights = 4e-9 * context.subject.n_parameters * 2
    inputs = 4e-9 * context.batch_size
    for size in context.subject.input_shape:
        inputs *= max(size, 1)
    spans = Span(low=BASE_GB, high=2 * BASE_GB) + Span(low=weights, high=2 * weights)
    said = (
        f"an assumption: {BASE_GB:g} GB for the libraries, two to four times the weights, and "
        f"{ACTIVATIONS[0]} to {ACTIVATIONS[1]} values per input value of a batch"
    )
    return spans + Span(low=inputs * ACTIVATIONS[0], high=inputs * ACTIVATIONS[1]), said


def measured_rates(context: Context, seconds: float, peak: int) -> Rates:
    """What this run took, to be kept."""
    spent: Mapping[str, Spent] = context.store.spent
    rest = max(seconds - sum(one.seconds for one in spent.values()), 0.0)
    return Rates(about(context), dict(spent), rest, peak)
