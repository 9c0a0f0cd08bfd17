"""How far are exported files from the eager model that they were made of, in every format?

    python benchmarks/released.py specs/demo_dermoscopy.yaml

Exports the spec's model as ONNX (any number of images per call, and one), TorchScript and torch.export, and prints for
each, over all images of the spec: the largest gap of a probability to the eager model, on how many images the decision
is the same, and how many images a second pass on one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from auditlens.gather.behaviour import eager_pass, released_pass
from auditlens.gather.context import Context
from auditlens.gather.equivalence import compare
from auditlens.plan.selection import EVERYTHING, choose
from auditlens.spec.load import load_spec
from auditlens.spec.model import Released
from auditlens.stages.evidence import Predictions
from auditlens.steps.load import load
from auditlens.steps.machine import Machine
from auditlens.store.folders import file_sha256
from auditlens.subject.released import load_released


@dataclass(frozen=True, slots=True)
class Row:
    """One file, measured."""

    name: str
    gap: float
    n_same: int
    n_images: int
    per_second: float


def _onnx(module: nn.Module, example: Tensor, path: Path) -> None:
    sizes = ({0: torch.export.Dim("batch")},)
    torch.onnx.export(module, (example,), path, dynamo=True, dynamic_shapes=sizes, verbose=False)


def _onnx_of_one(module: nn.Module, example: Tensor, path: Path) -> None:
    torch.onnx.export(module, (example[:1],), path, dynamo=True, external_data=False, verbose=False)


def _torchscript(module: nn.Module, example: Tensor, path: Path) -> None:
    torch.jit.trace(module, example).save(path)  # type: ignore[no-untyped-call]


def _exported(module: nn.Module, example: Tensor, path: Path) -> None:
    sizes = ({0: torch.export.Dim("batch", min=1, max=64)},)
    torch.export.save(torch.export.export(module, (example,), dynamic_shapes=sizes), path)


EXPORTS: dict[str, Callable[[nn.Module, Tensor, Path], None]] = {
    "ONNX.onnx": _onnx,
    "ONNX, one image per call.onnx": _onnx_of_one,
    "TorchScript.pt": _torchscript,
    "torch.export.pt2": _exported,
}


def measure(spec: Path, folder: Path) -> list[Row]:
    """Export, and compare on every image of the spec."""
    loaded = load_spec(spec)
    context = load(choose(loaded, EVERYTHING), Machine("cpu", folder / "store", threads=1))
    eager, _ = eager_pass(context)
    example = torch.rand(2, *context.subject.input_shape, generator=torch.Generator().manual_seed(0))
    rows = []
    for name, export in EXPORTS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch deprecates its own formats
            export(context.subject.module, example, folder / name)
        released = Released(file=str(folder / name), sha256=file_sha256(folder / name) if "pt2" in name else None)
        spec_with = loaded.spec.model_copy(
            update={"model": loaded.spec.model.model_copy(update={"released": released})}
        )
        rows.append(_row(replace(context, spec=spec_with), eager, name))
    return rows


def _row(context: Context, eager: Predictions, name: str) -> Row:
    released = load_released(context.spec.model, context.base)
    with_file = replace(context, released=released)
    began = time.perf_counter()
    found = compare(with_file, released_pass(with_file, released), eager)
    seconds = time.perf_counter() - began
    return Row(name.rpartition(".")[0], found.gap, found.n_same, found.n_images, found.n_images / seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(parser.parse_args().spec, Path(folder))
    print("| file | largest gap in probability | same decision | images a second |")
    print("| --- | --- | --- | --- |")
    for row in rows:
        print(f"| {row.name} | {row.gap:.1e} | {row.n_same} of {row.n_images} | {row.per_second:.0f} |")


if __name__ == "__main__":
    main()
