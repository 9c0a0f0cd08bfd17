"""Which format a file has, told by its content; and how each is opened."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

import torch

from auditlens.errors import ModelError
from auditlens.spec.model import Released
from auditlens.subject.released.exported import open_exported
from auditlens.subject.released.onnx_file import data_files, open_onnx
from auditlens.subject.released.runner import Runner
from auditlens.subject.released.torchscript import open_torchscript

Format = Literal["onnx", "torchscript", "export"]
FORMATS: Final[Mapping[Format, Callable[[Path, Released, torch.device], Runner]]] = {
    "onnx": open_onnx,
    "torchscript": open_torchscript,
    "export": open_exported,
}
"""Formats of released files; a new one is a function here."""
SHOWN: Final[Mapping[Format, str]] = {"onnx": "ONNX", "torchscript": "TorchScript", "export": "torch.export"}
ONNX_BEGINS: Final = b"\x08"
"""The first field of an ONNX file, its version, as protocol buffers write it."""


def format_of(path: Path) -> Format:
    """Tell the format of a file.

    Raises
    ------
    ModelError
        It is none of the known formats; weights without a program are told apart, since they belong elsewhere.
    """
    if zipfile.is_zipfile(path):
        return _format_of_archive(path)
    with path.open("rb") as stream:
        begins = stream.read(1)
    if path.suffix == ".onnx" or begins == ONNX_BEGINS:
        return "onnx"
    raise ModelError(f"{path} is no ONNX file, TorchScript or torch.export archive", hint=_hint(path))


def _format_of_archive(path: Path) -> Format:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    inner = {name.partition("/")[2] or name for name in names}
    if any(name.startswith("code/") for name in inner):
        return "torchscript"
    if {"archive_format", "serialized_exported_program.json"} & {*inner, *names}:
        return "export"
    raise ModelError(f"{path} is an archive, but holds no TorchScript and no exported program", hint=_hint(path))


def _hint(path: Path) -> str:
    if path.suffix in (".pt", ".pth", ".bin", ".ckpt", ".safetensors"):
        return "weights without a program go to `model.weights`, with `model.architecture`"
    return "valid are files of torch.onnx.export, torch.jit.save and torch.export.save"


def files_of(path: Path, kind: Format) -> tuple[Path, ...]:
    """List all files that a released model consists of, the named one first."""
    return (path, *data_files(path)) if kind == "onnx" else (path,)
