"""The audited model, loaded and checked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from auditlens.errors import IntegrityError, ModelError
from auditlens.spec.files import read_classes as read_class_file
from auditlens.spec.model import Model, Output, Preprocessing
from auditlens.spec.paths import HUGGINGFACE, resolve
from auditlens.stages.base import canonical_json
from auditlens.store.python_objects import load_function, source_sha256
from auditlens.subject.architectures import build
from auditlens.subject.fitting import arguments_for, sentences
from auditlens.subject.huggingface import check_config, find_folder, weights_sha256
from auditlens.subject.layers import LayerInfo, choose_layers, recording
from auditlens.subject.outputs import check_ending, check_output, to_logits, to_probabilities
from auditlens.subject.pooling import quicken_pooling
from auditlens.subject.preprocessing import Called, Declared, Prepare, sentence
from auditlens.subject.processors import with_processor
from auditlens.subject.silencing import named_components, silence
from auditlens.subject.trace import Trace, trace
from auditlens.subject.weights import load_weights

TRIAL_SIZE: Final = (320, 256)


@dataclass(frozen=True)
class Subject:
    """The audited model: in eval mode, its parameters frozen.

    Attributes
    ----------
    module : nn.Module
    classes : tuple of str
        In the order of the outputs.
    prepare : callable
        PIL image or pixels (height, width, 3) to the model's input (channels, height, width).
    output : {"logits", "probabilities", "single_logit", "multi_label", "multi_label_probabilities"}
        What the module returns.
    layers : tuple of LayerInfo
        The examined layers.
    device : torch.device
    architecture, preprocessing : str
        As declared; the latter as one plain sentence.
    weights_sha256 : str or None
    random_weights : bool
        True where the spec names no weights.
    n_parameters : int
    input_shape : tuple of int
        (channels, height, width).
    digest : str
        SHA-256 over everything that decides the outputs: structure, parameters, buffers, sources, preprocessing,
        output, classes.
    notes : tuple of str
        What was derived rather than declared, in sentences for the plan.
    silenced : tuple of str
        Components that are set to zero in every pass, by name.
    n_operations : int
        Floating-point operations of convolutions and linear maps per image, counted when it was tried; 0: not counted.
    behind : mapping of str to int
        By examined layer: those of the part of the model behind it.
    """

    module: nn.Module
    classes: tuple[str, ...]
    prepare: Prepare
    output: Output
    layers: tuple[LayerInfo, ...]
    device: torch.device
    architecture: str
    preprocessing: str
    weights_sha256: str | None
    random_weights: bool
    n_parameters: int
    input_shape: tuple[int, ...]
    digest: str
    notes: tuple[str, ...] = ()
    silenced: tuple[str, ...] = ()
    n_operations: int = 0
    behind: Mapping[str, int] = field(default_factory=dict)

    def to_logits(self, output: Tensor) -> Tensor:
        """Put what the module returned on the log-odds scale, (batch, classes)."""
        return to_logits(output, self.output)

    def logits(self, batch: Tensor) -> Tensor:
        """Logits on the log-odds scale, (batch, classes); gradients flow to the batch where it asks for them."""
        return to_logits(self.module(batch.to(self.device)), self.output)

    def probabilities(self, batch: Tensor) -> Tensor:
        """Probabilities, (batch, classes); with multi-label outputs each class by itself."""
        return to_probabilities(self.logits(batch), self.output)

    def layer(self, name: str) -> LayerInfo:
        """Return an examined layer by name."""
        return next(layer for layer in self.layers if layer.name == name)


def load_subject(model: Model, base: Path, device: str = "cpu") -> Subject:
    """Build the audited model, load its weights, and try it on a noise image.

    Parameters
    ----------
    model : Model
        The spec's part.
    base : Path
        Folder of the spec.
    device : str
        Such as `cpu` or `cuda:0`.

    Raises
    ------
    ModelError
        It cannot be built, loaded or run, or does not fit its description (outputs, classes).
    LayerError
        A layer that it does not have.
    IntegrityError
        The weights have another SHA-256 than the spec says.
    """
    if model.architecture is None:
        raise ModelError("the spec names no `model.architecture`, so there is no eager model to build")
    architecture, place = model.architecture, usable_device(device)
    classes = read_classes(model.classes, base)
    import_path = resolve(model.import_path, base) if model.import_path is not None else None
    folder = find_folder(architecture, base)
    model, prepare = _prepared(model, folder, import_path)
    batch = trial_batch(prepare).to(place)
    shape = tuple(batch.shape[1:])
    added = arguments_for(architecture, model.arguments, shape) if gives_one_shape(prepare) else {}
    n_outputs = 1 if model.output == "single_logit" else len(classes)
    named = architecture if folder is None else f"{HUGGINGFACE}{folder}"
    module = build(named, {**added, **model.arguments}, n_outputs, import_path)
    check_config(module, classes, model.output)
    sha256 = _weights(module, model, base, folder)
    module = module.float().eval().requires_grad_(False).to(place)
    found = _tried(module, model, batch, len(classes))
    layers = choose_layers(found, module, model.layers)
    quicken_pooling(module)
    return Subject(
        module=module,
        classes=classes,
        prepare=prepare,
        output=model.output,
        layers=layers,
        device=place,
        architecture=architecture,
        preprocessing=sentence(model.preprocessing, prepare),
        weights_sha256=sha256,
        random_weights=sha256 is None,
        n_parameters=sum(parameter.numel() for parameter in module.parameters()),
        input_shape=shape,
        digest=_digest(model, module, classes, import_path, prepare),
        notes=sentences(added, shape),
        silenced=model.silenced,
        n_operations=found.n_operations(),
        behind={layer.name: found.n_operations(layer.name) for layer in layers},
    )


def _tried(module: nn.Module, model: Model, batch: Tensor, n_classes: int) -> Trace:
    """Try the model on a noise image, and refuse one whose output does not fit its description."""
    found = _try(module, batch)
    output = _silenced(module, batch, found, model.silenced).output
    check_output(output, model.output, n_classes)
    check_ending(module, batch, output, model.output)
    return found


def _prepared(model: Model, folder: Path | None, import_path: Path | None) -> tuple[Model, Prepare]:
    """Return the preparation of images, and the model with the preprocessing that a transformers folder describes."""
    described = model if folder is None else with_processor(model, folder)
    prepare = preparation(described.preprocessing, import_path)
    if described is not model and isinstance(prepare, Declared):
        prepare = replace(prepare, cuts_down=True)
    return described, prepare


def _weights(module: nn.Module, model: Model, base: Path, folder: Path | None) -> str | None:
    """Load the weights that the spec names, and return their SHA-256; a transformers folder has brought its own."""
    if folder is None:
        return load_weights(module, resolve(model.weights, base), model.sha256) if model.weights is not None else None
    if model.weights is not None:
        raise ModelError(
            "`model.weights` does not go with `huggingface:`, whose folder holds the weights",
            hint="put them there by save_pretrained; names of tensors differ between versions of the package",
        )
    return weights_sha256(folder, model.sha256)


def activations(subject: Subject, layers: tuple[str, ...], batch: Tensor) -> dict[str, Tensor]:
    """Return what layers put out for a batch, without a graph, by layer name."""
    with torch.no_grad(), recording(subject.module, layers) as recorded:
        subject.module(batch.to(subject.device))
    return {name: recorded[name] for name in layers}


def read_classes(classes: tuple[str, ...] | str, base: Path) -> tuple[str, ...]:
    """Return the class names: those given, or the lines of a text file.

    A line is one name, with its blanks and commas. Only lines that begin with a WordNet id (`n01440764 tench, Tinca
    tinca`) end at the first comma, since what follows are synonyms: `n01440764 tench`. Empty lines do not count.

    Raises
    ------
    ModelError
        An absent file, fewer than two names, or a name that appears twice.
    """
    if isinstance(classes, str):
        path = resolve(classes, base)
        try:
            return read_class_file(path)
        except FileNotFoundError as error:
            raise ModelError(f"the class file {path} does not exist") from error
        except (OSError, ValueError) as error:
            raise ModelError(f"model.classes: {error}") from error
    twice = [name for name, count in Counter(classes).items() if count > 1]
    if twice or len(classes) < 2:
        problem = f"{twice[0]!r} is named twice" if twice else f"only {len(classes)} class is named"
        raise ModelError(f"{problem} in `model.classes`; it needs at least two different names")
    return classes


def usable_device(name: str) -> torch.device:
    """Return a device that a tensor can be put on; ModelError where there is none of that name."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"the device {name!r} cannot be used: {reason}", hint="`cpu` is always there") from error
    return device


def preparation(declared: Preprocessing, import_path: Path | None) -> Prepare:
    """Return what turns an image into the model's input.

    Raises
    ------
    ModelError
        The function cannot be had.
    IntegrityError
        Its source file has another SHA-256 than the spec says.
    """
    name = declared.callable
    if name is None:
        return Declared(declared)
    function = load_function(name, import_path, ModelError)
    source = source_sha256(function)
    if declared.sha256 is not None and source != declared.sha256:
        raise IntegrityError(
            f"the source file of the preprocessing {name} has SHA-256 {source}, the spec expects {declared.sha256}"
        )
    return Called(name, function, source)


def trial_batch(prepare: Prepare) -> Tensor:
    """Prepare two noise images like any other, (2, channels, height, width)."""
    width, height = TRIAL_SIZE
    noise = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    return torch.stack([prepare(image) for image in noise])


def _try(module: nn.Module, batch: Tensor) -> Trace:
    try:
        return trace(module, batch)
    except Exception as error:  # somebody else's code may raise anything
        shape = " x ".join(map(str, batch.shape[1:]))
        raise ModelError(
            f"the model does not run on an input of {shape}: {type(error).__name__}: {str(error).splitlines()[0]}",
            hint="does `model.preprocessing` give the size that the model expects?",
        ) from error


def _silenced(module: nn.Module, batch: Tensor, found: Trace, names: tuple[str, ...]) -> Trace:
    """Silence components for good, and try the model again; layers are told from the model as it was."""
    if not names:
        return found
    silence(module, named_components(names, found, module))
    return _try(module, batch)


def gives_one_shape(prepare: Prepare) -> bool:
    """Whether images of different sizes become inputs of one shape."""
    width, height = TRIAL_SIZE
    images = (np.zeros((height + more, width + 2 * more, 3), dtype=np.uint8) for more in (0, 32))
    first, second = (prepare(image).shape for image in images)
    return first == second


def _digest(
    model: Model, module: nn.Module, classes: tuple[str, ...], import_path: Path | None, prepare: Prepare
) -> str:
    architecture = model.architecture or ""
    functions = [architecture.removeprefix("python:")] if architecture.startswith("python:") else []
    functions += [model.preprocessing.callable] if model.preprocessing.callable is not None else []
    said = {
        "architecture": model.architecture,
        "arguments": model.arguments,
        "classes": classes,
        "output": model.output,
        "preprocessing": model.preprocessing.model_dump(mode="json", exclude={"sha256"}),
        "sources": [source_sha256(load_function(name, import_path, ModelError)) for name in functions],
        "parts": sorted({source_sha256(type(part)) for part in module.modules()}),
    }
    if isinstance(prepare, Declared) and prepare.cuts_down:
        said["cuts"] = "down"
    if model.silenced:
        said["silenced"] = sorted(model.silenced)
    digest = hashlib.sha256(canonical_json(said).encode() + b"\n" + repr(module).encode())
    for name, value in module.state_dict().items():
        digest.update(f"\n{name}|{value.dtype}|{tuple(value.shape)}|".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
