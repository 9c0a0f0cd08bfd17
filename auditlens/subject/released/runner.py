"""A loaded file that can be called, and the rules of calling it: images per call, type and order of the values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

import torch
from torch import Tensor

from auditlens.errors import ModelError, nearest

Layout = Literal["channels_first", "channels_last"]
TYPES: Final[Mapping[str, torch.dtype]] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "float64": torch.float64,
    "uint8": torch.uint8,
}
"""Types of the values that a file may take, as the spec names them."""
WHOLE: Final = 1e-3
"""How far a prepared value may be from a whole number and still pass for an 8-bit value."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a file says that it takes.

    Attributes
    ----------
    sides : tuple of int or None, (3,)
        Size of one image along the file's own axes; None where any size, or none, is declared.
    dtype : torch.dtype or None
        None where the file does not say.
    fewest, most : int, int or None
        Images per call; None for no limit.
    """

    sides: tuple[int | None, int | None, int | None] = (None, None, None)
    dtype: torch.dtype | None = None
    fewest: int = 1
    most: int | None = None


class Runner(Protocol):
    """A loaded file: inputs in its own type and layout come in, and whatever it returns goes out."""

    @property
    def signature(self) -> Signature:
        """What it takes."""

    @property
    def device(self) -> torch.device:
        """Where it runs."""

    @property
    def n_parameters(self) -> int:
        """Number of stored weights."""

    @property
    def runtime(self) -> str:
        """Package and version that run it."""

    def __call__(self, inputs: Tensor) -> object:
        """Run one call."""


@dataclass(frozen=True, slots=True)
class Calling:
    """How a file is called.

    Attributes
    ----------
    dtype : torch.dtype
    layout : {"channels_first", "channels_last"}
    fewest, most : int, int or None
        Images per call; missing ones are filled up with copies of the last, and their answers dropped.
    """

    dtype: torch.dtype
    layout: Layout
    fewest: int = 1
    most: int | None = None

    def one_by_one(self) -> Calling:
        """Give the same with a single image per call."""
        return replace(self, fewest=1, most=1)


def run(runner: Callable[[Tensor], object], calling: Calling, batch: Tensor, output_name: str | None) -> Tensor:
    """Run a batch in as many calls as the file needs.

    Parameters
    ----------
    runner : callable
    calling : Calling
    batch : Tensor, (images, channels, height, width)
        As the preprocessing gives it.
    output_name : str or None
        Which of several outputs.

    Returns
    -------
    Tensor, (images, ...)
        In float32, on the CPU or wherever the file runs.

    Raises
    ------
    ModelError
        It returns no tensor with a row per image, or whole numbers, or takes 8-bit values where others come in.
    """
    inputs = convert(batch.detach(), calling)
    width = calling.most or max(len(inputs), 1)
    parts = [
        _one_call(runner, inputs[start : start + width], calling.fewest, output_name)
        for start in range(0, len(inputs), width)
    ]
    return torch.cat(parts)


def convert(batch: Tensor, calling: Calling) -> Tensor:
    """Bring prepared images into the type and the order of axes that a file takes."""
    ordered = batch.permute(0, 2, 3, 1) if calling.layout == "channels_last" else batch
    if calling.dtype is torch.uint8:
        _demand_bytes(ordered)
        ordered = ordered.round()
    return ordered.to(calling.dtype).contiguous()


def _demand_bytes(values: Tensor) -> None:
    """Refuse to round values that are not 8-bit: a normalised image would become one of zeros and ones."""
    fits = values.min() >= -WHOLE and values.max() <= 255 + WHOLE and (values - values.round()).abs().max() <= WHOLE
    if not bool(fits):
        raise ModelError(
            "the released file takes uint8, but the preprocessing gives other values than whole numbers of 0 to 255",
            hint="give `model.released.preprocessing` with `scale: 1` and neither mean nor std",
        )


def _one_call(runner: Callable[[Tensor], object], inputs: Tensor, fewest: int, output_name: str | None) -> Tensor:
    n = len(inputs)
    if n < fewest:
        inputs = torch.cat([inputs, inputs[-1:].expand(fewest - n, *inputs.shape[1:])])
    found = choose_output(runner(inputs), output_name)
    if found.ndim == 0 or len(found) != len(inputs):
        raise ModelError(
            f"the released file returns {tuple(found.shape)} for {len(inputs)} images; it needs a row each"
        )
    if not found.is_floating_point():
        raise ModelError(
            f"the released file returns {str(found.dtype).removeprefix('torch.')}, labels perhaps; "
            "the audit needs logits or probabilities",
            hint="name the output with the scores in `model.released.output_name`",
        )
    return found[:n].float()


def choose_output(returned: object, name: str | None) -> Tensor:
    """Take the one tensor out of what a file returned: by its key or position, or the only one there is.

    Raises
    ------
    ModelError
        There is none of that name, or several and no name is given.
    """
    if isinstance(returned, Tensor) and name is None:
        return returned
    named = _named(returned)
    valid = ", ".join(named) or "none"
    if name is None and len(named) != 1:
        raise ModelError(
            f"the released file returns {len(named)} tensors ({valid}); one of them holds the scores",
            hint="name it in `model.released.output_name`",
        )
    if name is not None and name not in named:
        raise ModelError(f"the released file has no output {name!r}; valid are {valid}{nearest(name, named)}")
    return named[name if name is not None else next(iter(named))]


def _named(returned: object) -> dict[str, Tensor]:
    """Tensors by key, or by position from 0."""
    if isinstance(returned, Mapping):
        pairs = [(str(key), value) for key, value in returned.items()]
    elif isinstance(returned, Sequence):
        pairs = [(str(place), value) for place, value in enumerate(returned)]
    else:
        pairs = [("0", returned)]
    return {key: value for key, value in pairs if isinstance(value, Tensor)}
