"""The file that ships, loaded, tried on noise, and ready to be asked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from auditlens.errors import AuditLensError, IntegrityError, ModelError
from auditlens.spec.model import Model, Output, Released
from auditlens.spec.paths import resolve
from auditlens.stages.base import canonical_json
from auditlens.store.folders import file_sha256
from auditlens.store.python_objects import load_function, source_sha256
from auditlens.subject.model import preparation, read_classes, trial_batch, usable_device
from auditlens.subject.outputs import check_output, to_logits, to_probabilities
from auditlens.subject.preprocessing import Prepare, sentence
from auditlens.subject.released.formats import FORMATS, SHOWN, Format, files_of, format_of
from auditlens.subject.released.runner import TYPES, Calling, Layout, Runner, Signature, run

COLOURS: Final = 3
SAME: Final = 1e-4
"""Outputs that differ by less, of the largest output, are the same but for rounding."""


@dataclass(frozen=True)
class ReleasedModel:
    """The file that ships; one of the models that `Behaving` describes.

    Attributes
    ----------
    runner : Runner
    calling : Calling
        Type, layout and images per call.
    classes : tuple of str
    prepare : callable
        Pixels, uint8 (height, width, 3), to the input before type and layout are changed (channels, height, width).
    output : str
        What the file returns.
    output_name : str or None
        Which of its outputs.
    file : str
        Name of the file, without its folder.
    format : {"onnx", "torchscript", "export"}
    sha256 : str
        Of the file, or of the list of its files.
    data_files : tuple of str
        Names of further files that hold weights.
    preprocessing : str
        One plain sentence.
    input_shape : tuple of int
        (channels, height, width), as prepared.
    note : str
        What had to be done to call it; empty for nothing unusual.
    digest : str
        SHA-256 over everything that decides the outputs, the runtime's version included.
    """

    runner: Runner
    calling: Calling
    classes: tuple[str, ...]
    prepare: Prepare
    output: Output
    output_name: str | None
    file: str
    format: Format
    sha256: str
    data_files: tuple[str, ...]
    preprocessing: str
    input_shape: tuple[int, ...]
    note: str
    digest: str

    @property
    def device(self) -> torch.device:
        """Where it runs; ONNX files on the CPU, whatever was asked for."""
        return self.runner.device

    @property
    def shown_format(self) -> str:
        """The format's own name."""
        return SHOWN[self.format]

    @property
    def takes(self) -> str:
        """Its input in words, such as `float32, 3 x 224 x 224, one image per call`."""
        sides = self.input_shape if self.calling.layout == "channels_first" else (*self.input_shape[1:], COLOURS)
        most = self.calling.most
        calls = self.note or {None: "any number of images per call", 1: "one image per call"}.get(
            most, f"at most {most} images per call"
        )
        return f"{_said(self.calling.dtype)}, {' x '.join(map(str, sides))}, {calls}"

    def raw(self, batch: Tensor) -> Tensor:
        """Return what the file returns, (batch, outputs)."""
        return run(self.runner, self.calling, batch, self.output_name)

    def logits(self, batch: Tensor) -> Tensor:
        """Logits on the log-odds scale, (batch, classes)."""
        return to_logits(self.raw(batch), self.output)

    def probabilities(self, batch: Tensor) -> Tensor:
        """Probabilities, (batch, classes); with multi-label outputs each class by itself."""
        return to_probabilities(self.logits(batch), self.output)


def load_released(model: Model, base: Path, device: str = "cpu") -> ReleasedModel:
    """Load the file that ships, and try it on two noise images: together, alone, and again.

    Parameters
    ----------
    model : Model
        The spec's part, with `released`.
    base : Path
        Folder of the spec.
    device : str
        For TorchScript and exported programs.

    Raises
    ------
    ModelError
        It cannot be read or run, needs a package that is absent, gives another answer the second time, or does not fit
        its description.
    IntegrityError
        It has another SHA-256 than the spec says.
    """
    assert model.released is not None  # the caller has seen it
    options, place, classes = model.released, usable_device(device), read_classes(model.classes, base)
    path = resolve(options.file, base)
    kind = _format(path, options)
    files = files_of(path, kind)
    sha256 = _verified(files, options.sha256)
    runner = _opened(path, kind, options, place)
    import_path = resolve(model.import_path, base) if model.import_path is not None else None
    declared = options.preprocessing or model.preprocessing
    prepare = preparation(declared, import_path)
    batch = trial_batch(prepare)
    calling = _calling(runner.signature, options, tuple(batch.shape[1:]))
    calling, note, tried = _tried(runner, calling, batch, options.output_name)
    output: Output = options.output or model.output
    check_output(tried, output, len(classes))
    return ReleasedModel(
        runner=runner,
        calling=calling,
        classes=classes,
        prepare=prepare,
        output=output,
        output_name=options.output_name,
        file=path.name,
        format=kind,
        sha256=sha256,
        data_files=tuple(file.name for file in files[1:]),
        preprocessing=sentence(declared, prepare),
        input_shape=tuple(batch.shape[1:]),
        note=note,
        digest=_digest(model, runner, kind, sha256, calling, classes, import_path),
    )


def _format(path: Path, options: Released) -> Format:
    if not path.is_file():
        raise ModelError(f"the released file {path} does not exist")
    return format_of(path) if options.format == "auto" else options.format


def _verified(files: Sequence[Path], expected: str | None) -> str:
    """SHA-256 of one file; of several that of the lines that `sha256sum` prints for them."""
    lines = [f"{file_sha256(file)}  {file.name}\n" for file in files]
    found = lines[0].split()[0] if len(files) == 1 else hashlib.sha256("".join(lines).encode()).hexdigest()
    if expected is not None and found != expected:
        names = " ".join(file.name for file in files)
        how = f"that is `sha256sum {names} | sha256sum`, since its weights lie in further files"
        raise IntegrityError(
            f"the released file {files[0]} has SHA-256 {found}, the spec expects {expected}",
            hint=how if len(files) > 1 else None,
        )
    return found


def _opened(path: Path, kind: Format, options: Released, device: torch.device) -> Runner:
    try:
        return FORMATS[kind](path, options, device)
    except AuditLensError:
        raise
    except Exception as error:  # damaged files raise anything, in every runtime
        reason = "".join(str(error).strip().splitlines()[:1])[:200]
        raise ModelError(
            f"cannot load the released file {path} as {SHOWN[kind]}: {type(error).__name__}: {reason}"
        ) from error


def _calling(signature: Signature, options: Released, shape: tuple[int, ...]) -> Calling:
    """Settle type and layout, and check that the prepared images fit what the file declares."""
    declared, asked = signature.dtype, TYPES.get(options.input_type)
    if declared is not None and asked is not None and declared is not asked:
        raise ModelError(
            f"the released file takes {_said(declared)}, but the spec says `input_type: {options.input_type}`"
        )
    layout: Layout = options.layout if options.layout != "auto" else _layout(signature)
    given = shape if layout == "channels_first" else (*shape[1:], shape[0])
    if any(side is not None and side != have for side, have in zip(signature.sides, given, strict=True)):
        takes = " x ".join("any" if side is None else str(side) for side in signature.sides)
        raise ModelError(
            f"the released file takes images of {takes}, the preprocessing gives {' x '.join(map(str, given))}",
            hint="give its size in `model.released.preprocessing`",
        )
    return Calling(asked or declared or torch.float32, layout, signature.fewest, signature.most)


def _layout(signature: Signature) -> Layout:
    """Channels last where only the last axis can be that of the colours."""
    first, _, last = signature.sides
    return "channels_last" if last == COLOURS and first != COLOURS else "channels_first"


def _said(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _tried(runner: Runner, calling: Calling, batch: Tensor, output_name: str | None) -> tuple[Calling, str, Tensor]:
    """Run two images alone and together; together only counts where it gives the same.

    Returns
    -------
    Calling
        One image per call where the file cannot take more, or answers otherwise when it does.
    str
        Why, or nothing.
    Tensor, (2, outputs)
    """
    alone = replace(calling, most=calling.fewest)
    once = _run(runner, alone, batch, output_name)
    again = _run(runner, alone, batch, output_name)
    if not _same(once, again):
        raise ModelError(
            "the released file answers otherwise when it is asked again: it draws at random, by dropout perhaps",
            hint="export the model in eval mode",
        )
    if calling.most is not None and calling.most <= calling.fewest:
        return calling, "", once
    try:
        together = run(runner, calling, batch, output_name)
    except Exception:  # a file that was traced for one image raises anything at two; alone it works
        return alone, "one image per call, since it fails on more", once
    if _same(once, together):
        return calling, "", together
    return alone, "one image per call, since it answers otherwise in a batch", once


def _run(runner: Runner, calling: Calling, batch: Tensor, output_name: str | None) -> Tensor:
    try:
        return run(runner, calling, batch, output_name)
    except AuditLensError:
        raise
    except Exception as error:  # somebody else's file may raise anything
        reason = "".join(str(error).strip().splitlines()[:1])[:200]
        shape = " x ".join(map(str, batch.shape[1:]))
        raise ModelError(
            f"the released file does not run on an input of {shape}, {_said(calling.dtype)}: "
            f"{type(error).__name__}: {reason}",
            hint="do `model.released.preprocessing`, `input_type` and `layout` give what it expects?",
        ) from error


def _same(first: Tensor, second: Tensor) -> bool:
    """Equal but for rounding; what is not finite is left to the check of the output."""
    if first.shape != second.shape:
        return False
    scale = first.nan_to_num().abs().max().clamp_min(1.0)
    return bool(((first - second).nan_to_num().abs() <= SAME * scale).all())


def _digest(
    model: Model,
    runner: Runner,
    kind: Format,
    sha256: str,
    calling: Calling,
    classes: tuple[str, ...],
    import_path: Path | None,
) -> str:
    assert model.released is not None  # the caller has seen it
    declared = model.released.preprocessing or model.preprocessing
    functions = [declared.callable] if declared.callable is not None else []
    said = {
        "format": kind,
        "sha256": sha256,
        "runtime": runner.runtime,
        "output": model.released.output or model.output,
        "output_name": model.released.output_name,
        "type": _said(calling.dtype),
        "calling": [calling.layout, calling.fewest, calling.most],
        "preprocessing": declared.model_dump(mode="json", exclude={"sha256"}),
        "sources": [source_sha256(load_function(name, import_path, ModelError)) for name in functions],
        "classes": classes,
    }
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()
