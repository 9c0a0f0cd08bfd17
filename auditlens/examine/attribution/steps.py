"""The steps that autograd recorded between the input and the output: is each one covered by a rule?

What a rule did not reach shows here under its own name, whatever code called it, so nothing goes unnoticed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from torch import Tensor

MOVING: Final = (
    *("View", "UnsafeView", "ReshapeAlias", "Alias", "Clone", "Expand", "Squeeze", "Unsqueeze", "Permute", "Transpose"),
    *("T", "Select", "Slice", "Narrow", "Split", "SplitWithSizes", "Unbind", "Chunk", "Cat", "Stack", "AsStrided"),
    *("Roll", "Flip", "Index", "IndexSelect", "Gather", "ConstantPadNd", "Repeat", "PixelShuffle", "PixelUnshuffle"),
    *("Unfold", "Im2Col", "Col2Im", "ToCopy", "Copy", "CopyBackwards", "CopySlices", "Where", "MaskedFill", "Movedim"),
    *("ChannelShuffle", "ReflectionPad2D", "ReplicationPad2D"),
)
"""Steps that only move values."""

LINEAR: Final = (
    *(
        "Add",
        "Sub",
        "Rsub",
        "Neg",
        "Mul",
        "Div",
        "Mm",
        "Addmm",
        "Bmm",
        "Baddbmm",
        "Linear",
        "Convolution",
        "Mean",
        "Sum",
    ),
    *("MkldnnConvolution", "NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm", "BatchNormWithUpdate", "Mkldnn"),
    *("AvgPool2D", "AdaptiveAvgPool2D", "UpsampleNearest2D", "UpsampleBilinear2D", "UpsampleBicubic2D", "Addcmul"),
)
"""Steps that are linear in what is explained, if only one of their inputs depends on it: LRP-0 is their gradient."""

KEPT: Final = (
    *("Relu", "LeakyRelu", "PreluKernel", "Threshold", "MaxPool2DWithIndices", "AdaptiveMaxPool2D", "Amax", "Max"),
    *("Softmax", "LogSoftmax", "_Shared", "_Factored"),
)
"""Steps whose gradient is the rule: ReLU and maxima pass relevance on; softmax follows equation 13 of AttnLRP."""

ENDINGS: Final = ("Sigmoid",)
"""Steps that may end a model, since the margin undoes them."""

SHARED_BY_RULE: Final = (
    "Mul",
    "Mm",
    "Bmm",
    "Baddbmm",
    "Addmm",
    "Linear",
    "Convolution",
    "Div",
    "Addcmul",
    "MkldnnConvolution",
)
"""Linear steps that are products: of two inputs that both count, both must have been shared by a rule."""


def name_of(step: Any) -> str:
    """Plain name of a step, such as `Mul`."""
    return str(step.name()).rpartition("::")[2].partition("Backward")[0]


def source(values: Tensor) -> str:
    """Full name of the step that made values, before they were moved; empty where there is none."""
    step = step_of(values)
    return "" if step is None else str(step.name())


def step_of(values: Tensor) -> Any:
    """Return the step that made values, before they were moved; None where there is none."""
    return _last(values.grad_fn)


def between(output: Tensor, start: Tensor) -> list[Any]:
    """Steps on the ways from a tensor to an output, the output's own first, the tensor's own left out."""
    above: dict[Any, list[Any]] = defaultdict(list)
    order = list(_downwards(output.grad_fn, above))
    reached = {step for step in order if _is_of(step, start)}
    waiting = list(reached)
    while waiting:
        for step in above[waiting.pop()]:
            if step not in reached:
                reached.add(step)
                waiting.append(step)
    return [step for step in order if step in reached and not _is_of(step, start)]


def consumers(output: Tensor) -> dict[Any, list[Any]]:
    """The steps that take in what a step made, for every step behind an output."""
    above: dict[Any, list[Any]] = defaultdict(list)
    for _ in _downwards(output.grad_fn, above):
        pass
    return above


def _downwards(top: Any, above: dict[Any, list[Any]]) -> Iterator[Any]:
    waiting, seen = [top] if top is not None else [], {top}
    while waiting:
        step = waiting.pop()
        yield step
        for below, _ in step.next_functions:
            if below is None:
                continue
            above[below].append(step)
            if below not in seen:
                seen.add(below)
                waiting.append(below)


def _is_of(step: Any, start: Tensor) -> bool:
    return step is start.grad_fn if start.grad_fn is not None else getattr(step, "variable", None) is start


def without_rule(output: Tensor, start: Tensor) -> tuple[str, ...]:
    """Names of the steps from a tensor to an output that no rule covers, each once."""
    steps = between(output, start)
    on_way = {*steps, *(step for step in _ends(steps) if _is_of(step, start))}
    ending = step_of(output)
    return tuple(dict.fromkeys(name_of(step) for step in steps if not _is_covered(step, on_way, ending)))


def _ends(steps: list[Any]) -> Iterator[Any]:
    return (below for step in steps for below, _ in step.next_functions if below is not None)


def _last(step: Any) -> Any:
    while step is not None and name_of(step) in MOVING and len(step.next_functions) == 1:
        step = step.next_functions[0][0]
    return step


def _is_covered(step: Any, on_way: set[Any], ending: Any) -> bool:
    name = name_of(step)
    if name in MOVING or name in KEPT or (name in ENDINGS and step is ending):
        return True
    if name not in LINEAR or getattr(step, "_saved_training", False):
        return False
    counting = [below for below, _ in step.next_functions if below in on_way]
    return name not in SHARED_BY_RULE or len(counting) < 2 or all(_is_shared(below) for below in counting)


def _is_shared(step: Any) -> bool:
    below = _last(step)
    return below is not None and name_of(below) == "_Shared"


def is_cut(output: Tensor, start: Tensor, middle: Any) -> bool:
    """Whether all ways from a tensor to an output lead through one step."""
    waiting, seen = [output.grad_fn], {output.grad_fn, middle, None}
    while waiting:
        step = waiting.pop()
        if step is None or step is middle:
            continue
        if _is_of(step, start):
            return False
        below = {item for item, _ in step.next_functions} - seen
        seen |= below
        waiting.extend(below)
    return True
