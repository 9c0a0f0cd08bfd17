"""ONNX files, run by onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from auditlens.errors import ModelError, nearest
from auditlens.spec.model import Released
from auditlens.subject.released.runner import Signature

TYPES: Final = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
    "tensor(uint8)": torch.uint8,
}
"""Types of input that images fit, as onnxruntime names them."""
MISSING: Final = "pip install 'auditlens[onnx]'"
EXTERNAL: Final = 1
"""`TensorProto.DataLocation`: the values stand in another file."""


@dataclass(frozen=True, slots=True)
class Onnx:
    """A session, and the one input and output that are used."""

    session: Any
    input_name: str
    output_name: str
    signature: Signature
    n_parameters: int
    runtime: str

    @property
    def device(self) -> torch.device:
        """Always the CPU: its provider gives the same digits on every machine of a kind."""
        return torch.device("cpu")

    def __call__(self, inputs: Tensor) -> object:
        """Run one call."""
        (found,) = self.session.run([self.output_name], {self.input_name: inputs.cpu().numpy()})
        return {self.output_name: torch.from_numpy(found)}


def open_onnx(path: Path, options: Released, device: torch.device) -> Onnx:
    """Load a file with as many threads as torch has, on the CPU, with deterministic kernels.

    Raises
    ------
    ModelError
        onnxruntime is not installed, or the file has not exactly one input and one output that are named or alone.
    """
    runtime = _onnxruntime()
    session = runtime.InferenceSession(str(path), _settings(runtime), providers=["CPUExecutionProvider"])
    given = _only_input(session.get_inputs())
    return Onnx(
        session=session,
        input_name=given.name,
        output_name=_output_name([entry.name for entry in session.get_outputs()], options.output_name),
        signature=_signature(given),
        n_parameters=sum(prod(tensor.dims) for tensor in _read(path).graph.initializer),
        runtime=f"onnxruntime {runtime.__version__}",
    )


def data_files(path: Path) -> tuple[Path, ...]:
    """List the files beside an ONNX file that hold its weights, in the order of their names.

    Raises
    ------
    ModelError
        One of them is absent or lies outside the file's folder.
    """
    names = sorted({_location(tensor) for tensor in _tensors(_read(path).graph) if tensor.data_location == EXTERNAL})
    found = [path.parent / name for name in names]
    for name, place in zip(names, found, strict=True):
        if not place.resolve().is_relative_to(path.parent.resolve()):
            raise ModelError(f"{path.name} looks for weights outside its folder, in {name!r}")
        if not place.is_file():
            raise ModelError(f"{path.name} keeps weights in {name!r}, which does not exist beside it")
    return tuple(found)


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError("an ONNX file needs onnxruntime, which is not installed", hint=MISSING) from error
    return onnxruntime


def _settings(runtime: Any) -> Any:
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.inter_op_num_threads = 1
    settings.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    settings.use_deterministic_compute = True
    settings.log_severity_level = 3
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the cores free
    return settings


def _read(path: Path) -> Any:
    """Read the graph without its external weights."""
    try:
        import onnx
    except ImportError as error:
        raise ModelError("an ONNX file needs the package onnx, which is not installed", hint=MISSING) from error
    try:
        return onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protocol buffers raise their own kind
        raise ModelError(f"cannot read the ONNX file {path}: {type(error).__name__}") from error


def _tensors(graph: Any) -> Iterator[Any]:
    """Every tensor that a graph stores, in nested graphs too."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from _tensors(inner)


def _location(tensor: Any) -> str:
    return next((entry.value for entry in tensor.external_data if entry.key == "location"), "")


def _only_input(entries: Sequence[Any]) -> Any:
    if len(entries) != 1:
        names = ", ".join(entry.name for entry in entries)
        raise ModelError(f"the released file takes {len(entries)} inputs ({names}); it needs one")
    return entries[0]


def _output_name(names: Sequence[str], name: str | None) -> str:
    """Check the output that the spec names, or take the only one."""
    if name is None and len(names) != 1:
        raise ModelError(
            f"the released file has {len(names)} outputs ({', '.join(names)})",
            hint="name one in `model.released.output_name`",
        )
    if name is not None and name not in names:
        raise ModelError(
            f"the released file has no output {name!r}; valid are {', '.join(names)}{nearest(name, names)}"
        )
    return name if name is not None else names[0]


def _signature(given: Any) -> Signature:
    if given.type not in TYPES:
        valid = ", ".join(TYPES)
        raise ModelError(f"the released file's input {given.name!r} is {given.type}; images fit {valid}")
    shape = [side if isinstance(side, int) and side > 0 else None for side in given.shape or [None] * 4]
    if len(shape) != 4:
        raise ModelError(
            f"the released file's input {given.name!r} has {len(shape)} axes; it needs images, "
            "(batch, channels, height, width) or (batch, height, width, channels)"
        )
    return Signature((shape[1], shape[2], shape[3]), TYPES[given.type], shape[0] or 1, shape[0])
