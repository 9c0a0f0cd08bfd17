"""Small released files of one network: ONNX made node by node, TorchScript and torch.export by torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

SIDE = 16


def network(seed: int = 0) -> nn.Module:
    """Convolution, ReLU, global mean, two scores; the seed decides the weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        ).eval()


def images(n: int, side: int = SIDE) -> torch.Tensor:
    """Pixels of 0 to 1, (n, 3, side, side)."""
    return torch.randint(0, 256, (n, 3, side, side), generator=torch.Generator().manual_seed(n)) / 255


def write_torchscript(path: Path, module: nn.Module | None = None, batch: int = 2, side: int = SIDE) -> Path:
    """Trace and save."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch has deprecated what many a shipped file is made by
        torch.jit.trace(module or network(), images(batch, side), check_trace=False).save(path)
    return path


def write_exported(path: Path, module: nn.Module | None = None, batch: int | None = None, side: int = SIDE) -> Path:
    """Export for any number of images up to 8, or for a fixed one."""
    sizes = {0: torch.export.Dim("batch", min=1, max=8)} if batch is None else None
    program = torch.export.export(module or network(), (images(batch or 2, side),), dynamic_shapes=(sizes,))
    torch.export.save(program, path)
    return path


def write_onnx(
    path: Path,
    module: nn.Module | None = None,
    *,
    batch: int | str = "batch",
    sides: tuple[int | str, int | str, int | str] = (3, "height", "width"),
    bytes_in: bool = False,
    channels_last: bool = False,
    ending: str = "",
    labels: bool = False,
    second_input: bool = False,
    external: bool = False,
) -> Path:
    """Write the network as ONNX.

    Parameters
    ----------
    bytes_in : bool
        Takes uint8, and divides by 255 itself.
    ending : str
        An operation on the scores, such as `Softmax`.
    labels : bool
        A second output, the index of the largest score.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    state = (module or network()).state_dict()
    tensors = {name.replace(".", "_"): value.numpy() for name, value in state.items()}
    tensors["scale"] = np.float32(1 / 255)
    nodes, at = [], "images"
    for operation, options in (
        *([("Cast", {"to": TensorProto.FLOAT}), ("Mul", {})] if bytes_in else []),
        *([("Transpose", {"perm": [0, 3, 1, 2]})] if channels_last else []),
        ("Conv", {"pads": [1, 1, 1, 1]}),
        ("Relu", {}),
        ("GlobalAveragePool", {}),
        ("Flatten", {}),
        ("Gemm", {"transB": 1}),
        *([(ending, {})] if ending else []),
    ):
        weights = {"Mul": ["scale"], "Conv": ["0_weight", "0_bias"], "Gemm": ["4_weight", "4_bias"]}
        nodes.append(helper.make_node(operation, [at, *weights.get(operation, [])], [f"n{len(nodes)}"], **options))
        at = nodes[-1].output[0]
    outputs = [helper.make_tensor_value_info(at, TensorProto.FLOAT, [batch, 2])]
    if labels:
        nodes.append(helper.make_node("ArgMax", [at], ["label"], axis=1, keepdims=0))
        outputs.append(helper.make_tensor_value_info("label", TensorProto.INT64, [batch]))
    kind = TensorProto.UINT8 if bytes_in else TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("images", kind, [batch, *sides])]
    if second_input:
        inputs.append(helper.make_tensor_value_info("age", TensorProto.FLOAT, [batch]))
    stored = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
    graph = helper.make_graph(nodes, "small", inputs, outputs, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = {"save_as_external_data": True, "location": f"{path.name}.data", "size_threshold": 0} if external else {}
    onnx.save_model(model, path, **options)
    return path


WRITERS: dict[str, Callable[..., Path]] = {
    "onnx": write_onnx,
    "torchscript": write_torchscript,
    "export": write_exported,
}
