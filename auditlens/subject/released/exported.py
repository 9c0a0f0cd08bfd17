"""Archives of `torch.export.save` (.pt2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export.passes import move_to_device_pass

from auditlens.errors import ModelError
from auditlens.spec.model import Released
from auditlens.subject.released.runner import Signature


@dataclass(frozen=True, slots=True)
class Exported:
    """A loaded program: its graph, its weights, and the input that it was exported for."""

    call: Callable[[Tensor], object]
    signature: Signature
    device: torch.device
    n_parameters: int

    @property
    def runtime(self) -> str:
        """The torch that runs it."""
        return f"torch {torch.__version__}"

    def __call__(self, inputs: Tensor) -> object:
        """Run one call."""
        with torch.no_grad():
            return self.call(inputs.to(self.device))


def open_exported(path: Path, options: Released, device: torch.device) -> Exported:
    """Load a program and read off what it takes.

    Raises
    ------
    ModelError
        The file is not pinned by its SHA-256 (loading may run what is pickled in it), or it takes more than one input.
    """
    if options.sha256 is None:
        raise ModelError(
            "loading a torch.export archive can run code that is pickled in it, so the spec must name the very file",
            hint="give `model.released.sha256` of a file that you trust",
        )
    with path.open("rb") as stream:  # by name, torch wants it to end in .pt2
        program = torch.export.load(stream)
    if device.type != "cpu":
        program = move_to_device_pass(program, device)
    return Exported(
        call=program.module(),
        signature=_signature(program),
        device=device,
        n_parameters=sum(value.numel() for value in program.state_dict.values()),
    )


def _signature(program: torch.export.ExportedProgram) -> Signature:
    names = program.graph_signature.user_inputs
    if len(names) != 1:
        raise ModelError(f"the released file takes {len(names)} inputs ({', '.join(map(str, names))}); it needs one")
    example = next(node.meta["val"] for node in program.graph.nodes if node.name == names[0])
    if not isinstance(example, Tensor) or example.ndim != 4:
        found = f"{example.ndim} axes" if isinstance(example, Tensor) else type(example).__name__
        raise ModelError(
            f"the released file takes an input of {found}; it needs images, (batch, channels, height, width)"
        )
    fewest, most = _range(example.shape[0], program.range_constraints)
    first, second, third = (side if isinstance(side, int) else None for side in example.shape[1:])
    return Signature((first, second, third), example.dtype, fewest, most)


def _range(size: int | torch.SymInt, constraints: dict[Any, Any]) -> tuple[int, int | None]:
    """Images per call: a fixed number, or the range that the program was exported for."""
    if isinstance(size, int):
        return size, size
    known = constraints.get(size.node.expr)
    if known is None:
        return 1, None
    bounded = known.upper.is_Integer if hasattr(known.upper, "is_Integer") else False
    return max(int(known.lower), 1), int(known.upper) if bounded else None
