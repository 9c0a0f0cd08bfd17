"""What a run would take where no earlier run tells: assumptions, each a constant with its meaning."""

from __future__ import annotations

from typing import Final

from auditlens.gather.context import Context
from auditlens.preview.looks import FOLLOWS, Asked
from auditlens.stages.planned_run import Span

OPERATIONS: Final = 150
"""Operations per parameter of a forward pass at 224 pixels, where they were not counted (the foundation model)."""
SPEED: Final = {"cpu": (5e9, 80e9), "cuda": (5e11, 2e13)}
"""Operations in a second, lowest and highest: one core did 11 to 79 billion, the fewest in depthwise convolutions."""
PICTURE: Final = (0.01, 0.1)
"""Seconds to read, render and prepare one picture of 224 pixels; 13 ms in the demonstration, at 128 pixels."""
PICTURES: Final = 3
"""Most pictures of one item: clean, with the artefact, with its sham."""
CLEAN_PASSES: Final = 3
"""Most whole passes of one image where groups of components are changed in what follows a layer."""
GROUP: Final = 0.03
"""At least such a part of a pass is taken by every further group of components, if only to copy the layer's output."""
BACKWARD: Final = 2.0
"""A backward pass, in forward passes."""
BESIDE: Final = {"between": (2.0, 20.0), "judging": (2.0, 15.0), "reports": (5.0, 40.0)}
"""Seconds of the processor beside the stages; the demonstration's six artefacts took 6, 8 and 19 altogether."""
PER_ARTEFACT: Final = {"between": (0.0, 1.0), "judging": (0.3, 3.0), "reports": (0.5, 4.0)}
"""Further seconds for every artefact."""
START: Final = (3.0, 15.0)
"""Seconds to start Python with torch, which no run can time."""
BASE_GB: Final = 0.8
"""Python with torch and the libraries."""
ACTIVATIONS: Final = (8, 80)
"""Values kept per value of the input while a batch runs forward and backward."""
ASSUMPTION: Final = (
    f"an assumption: the operations of the audited model as counted when it was loaded (of a foundation model "
    f"{OPERATIONS} per parameter at 224 pixels), {SPEED['cpu'][0] / 1e9:g} to {SPEED['cpu'][1] / 1e9:g} billion a "
    f"second on a CPU, {SPEED['cuda'][0] / 1e12:g} to {SPEED['cuda'][1] / 1e12:g} trillion on a GPU, and "
    f"{1000 * PICTURE[0]:g} to {1000 * PICTURE[1]:g} ms for a picture"
)


def assumed_stage(context: Context, step: Asked) -> Span:
    """Seconds of a stage on a machine of its own: its passes, and its pictures."""
    size = context.subject.input_shape[1:]
    area = (size[0] * size[1] / 224**2) if len(size) == 2 else 1.0
    slow, fast = SPEED["cuda" if str(context.model_key["on"]).startswith("cuda") else "cpu"]
    one = _operations(context, step, area)
    passes = _whole_passes(context, step, one) + step.backward.times(BACKWARD, BACKWARD)
    each = min(max(step.forward.high / max(step.items.high, 1), 1.0), PICTURES)
    pictures = step.items.times(each, each)
    return passes.times(one / fast, one / slow) + pictures.times(PICTURE[0] * area, PICTURE[1] * area)


def _whole_passes(context: Context, step: Asked, one: float) -> Span:
    """Forward passes as so many whole ones: those of groups of components take only the part behind the layer.

    A model that cannot go on from a layer takes a whole pass for each; that is known when it has been tried.
    """
    if step.stage not in FOLLOWS:
        return step.forward
    whole = min(step.forward.high, CLEAN_PASSES * step.items.high)
    part = max(max(context.subject.behind.values(), default=0) / one, GROUP)
    return Span(low=min(step.forward.low, whole), high=whole + (step.forward.high - whole) * min(part, 1.0))


def _operations(context: Context, step: Asked, area: float) -> float:
    """Of one forward pass: counted, or by the number of parameters."""
    module = getattr(context.foundation, "module", None) if step.model == "foundation" else None
    if module is not None:
        return OPERATIONS * area * float(sum(one.numel() for one in module.parameters()))
    counted = context.subject.n_operations if step.model != "foundation" else 0
    return counted or OPERATIONS * area * max(context.subject.n_parameters, 1_000)


def assumed_beside(context: Context, part: str) -> Span:
    """Seconds of a part beside the stages."""
    low, high = BESIDE[part]
    less, more = (len(context.spec.artefacts) * seconds for seconds in PER_ARTEFACT[part])
    return Span(low=low + less, high=high + more)


def assumed_memory(context: Context) -> tuple[Span, str]:
    """Gigabytes, and what they rest on."""
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
