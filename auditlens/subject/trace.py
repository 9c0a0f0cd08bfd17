"""What happens inside a module on one forward pass: which part ran when, and what came out of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

Kind = Literal["spatial", "token", "flat"]
PASSING: Final = (
    nn.Identity,
    nn.Flatten,
    nn.modules.dropout._DropoutNd,
)
PASSING_NAMES: Final = ("Pool", "DropPath", "StochasticDepth", "Blur")
"""In class names of other packages: parts that pool or pass on, and make no components of their own."""


@dataclass(frozen=True, slots=True)
class Event:
    """One part of the module has finished.

    Attributes
    ----------
    name : str
    module : nn.Module
    output : Tensor, (batch, ...)
        The very object, kept alive so that its identity means something.
    lowest : float
        Lowest value when the part finished; later parts may change it in place.
    is_input : bool
        Whether the output is the input, the very object: passed on, or changed in place.
    version : int
        How often the output had been changed in place when the part finished.
    """

    name: str
    module: nn.Module
    output: Tensor
    lowest: float
    is_input: bool
    version: int = 0

    @property
    def is_leaf(self) -> bool:
        """Whether the part has no parts of its own."""
        return next(self.module.children(), None) is None

    @property
    def makes_components(self) -> bool:
        """Whether the part computes; pooling, dropout and flattening do not."""
        named = any(word in type(self.module).__name__ for word in PASSING_NAMES)
        return not (self.is_leaf and (named or isinstance(self.module, PASSING)))


@dataclass(frozen=True, slots=True)
class Trace:
    """All events of one forward pass in order, and its output."""

    events: tuple[Event, ...]
    output: Any

    @property
    def n_calls(self) -> Counter[str]:
        """How often each part ran."""
        return Counter(event.name for event in self.events)

    def n_operations(self, behind: str | None = None) -> int:
        """Floating-point operations of convolutions and linear maps per image, as they ran on this pass.

        Parameters
        ----------
        behind : str, optional
            Only those that ran after this part had finished for the last time.
        """
        last = max((place for place, event in enumerate(self.events) if event.name == behind), default=-1)
        return sum(_operations(event) for event in self.events[last + 1 :] if event.is_leaf)

    @property
    def classifier(self) -> int | None:
        """Position of the part that turns features into class scores.

        It is the last one with a weight matrix, if it puts out as many values as the model does; else None.
        """
        places = [place for place, event in enumerate(self.events) if event.is_leaf and _width(event.module)]
        if not places or not isinstance(self.output, Tensor):
            return None
        n_outputs = self.output.shape[1] if self.output.ndim > 1 else 1
        made = self.events[places[-1]].output.shape
        return places[-1] if n_outputs in (made[1], made[-1]) else None

    @property
    def feature_width(self) -> int | None:
        """Number of features that the first part with a weight matrix after all spatial parts takes in."""
        places = [place for place, event in enumerate(self.events) if event.is_leaf and _width(event.module)]
        spatial = [place for place in places if _extent(self.events[place].output) > 1]
        after = [place for place in places if not spatial or place > spatial[-1]]
        return _width(self.events[after[0]].module) if after else None


def trace(module: nn.Module, batch: Tensor) -> Trace:
    """Run a batch of at least two and record every named part that returns one tensor over the batch."""
    events: list[Event] = []

    def recorder(name: str) -> Any:
        def record(part: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim >= 2 and output.numel() and len(output) == len(batch):
                same = any(output is given for given in inputs)
                events.append(Event(name, part, output, float(output.min()), same, output._version))

        return record

    handles = [part.register_forward_hook(recorder(name)) for name, part in module.named_modules() if name]
    try:
        with torch.no_grad():
            output = module(batch)
    finally:
        for handle in handles:
            handle.remove()
    return Trace(tuple(events), output)


def kind_of(output: Tensor, feature_width: int | None, part: nn.Module | None = None) -> Kind:
    """Tell maps (batch, components, height, width) from tokens (batch, ..., components) and flat features.

    Four axes with the components last, as in Swin, count as tokens. They are known by the weights of the part, whose
    convolutions and norms of maps are as wide as the second axis, or whose linear layers and layer norms are as wide
    as the last; where the weights do not tell, by the width of the features that the classifier takes in.
    """
    if output.ndim == 4:
        second, last = int(output.shape[1]), int(output.shape[3])
        first_widths, last_widths = _widths(part) if part is not None else (set(), set())
        if second != last and (second in first_widths) != (last in last_widths):
            return "token" if last in last_widths else "spatial"
        return "token" if feature_width is not None and last == feature_width != second else "spatial"
    return "token" if output.ndim == 3 else "flat"


def _widths(part: nn.Module) -> tuple[set[int], set[int]]:
    """Widths of what makes components on the second axis, and of what makes them on the last."""
    first: set[int] = set()
    last: set[int] = set()
    for module in part.modules():
        if isinstance(module, nn.Conv2d):
            first.add(module.out_channels)
        elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
            first.add(module.num_features if isinstance(module, nn.BatchNorm2d) else module.num_channels)
        elif isinstance(module, nn.Linear):
            last.add(module.out_features)
        elif isinstance(module, nn.LayerNorm):
            last.add(int(module.normalized_shape[-1]))
    return first, last


def n_components(output: Tensor, kind: Kind) -> int:
    """Size of the axis of components."""
    return int(output.shape[1] if kind == "spatial" else output.shape[-1])


def has_extent(output: Tensor) -> bool:
    """Whether the output is a map or a row of tokens with more than one position."""
    return output.ndim in (3, 4) and _extent(output) > 1


def _extent(output: Tensor) -> int:
    """Positions of a map or row of tokens; 1 for flat features."""
    if output.ndim == 4:
        return min(int(output.shape[2] * output.shape[3]), int(output.shape[1] * output.shape[2]))
    return int(output.shape[1]) if output.ndim == 3 else 1


def _operations(event: Event) -> int:
    """A product and a sum for every weight that makes one value of the output, per image of the batch."""
    if not _width(event.module):
        return 0
    weight, output = event.module.weight, event.output
    assert isinstance(weight, Tensor)  # what has a width has a weight
    return 2 * output.numel() * weight[0].numel() // max(output.shape[0], 1)


def _width(part: nn.Module) -> int:
    """Input width of a part with a weight matrix or kernel; 0 for others."""
    weight = getattr(part, "weight", None)
    matrix = isinstance(weight, Tensor) and weight.ndim >= 2 and not isinstance(part, nn.Embedding)
    return int(weight.shape[1]) if matrix and isinstance(weight, Tensor) else 0
