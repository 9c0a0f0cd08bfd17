"""TorchScript archives (`torch.jit.save`)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from auditlens.spec.model import Released
from auditlens.subject.released.runner import Signature


@dataclass(frozen=True, slots=True)
class TorchScript:
    """A loaded TorchScript module, in eval mode. It says nothing of what it takes."""

    module: torch.jit.ScriptModule
    device: torch.device

    @property
    def signature(self) -> Signature:
        """Any size, any type."""
        return Signature()

    @property
    def n_parameters(self) -> int:
        """Number of stored weights."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    @property
    def runtime(self) -> str:
        """The torch that runs it."""
        return f"torch {torch.__version__}"

    def __call__(self, inputs: Tensor) -> object:
        """Run one call."""
        with torch.no_grad():
            return self.module(inputs.to(self.device))


def open_torchscript(path: Path, options: Released, device: torch.device) -> TorchScript:
    """Load an archive; `_extra_files` are never asked for."""
    with warnings.catch_warnings():
        # torch advises its users to move to torch.export; the user of an audit did not choose this file's format
        warnings.filterwarnings("ignore", message=".*torch.jit", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*torch.jit", category=DeprecationWarning)
        module = torch.jit.load(path, map_location=device)  # type: ignore[no-untyped-call]
    return TorchScript(module.eval(), device)
