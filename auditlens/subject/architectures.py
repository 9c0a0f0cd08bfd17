"""Where the modules come from: torchvision, timm, transformers, or a Python factory. Nothing is downloaded unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from auditlens.errors import AuditLensError, ModelError, nearest
from auditlens.store.python_objects import load_function, on_import_path, searched_first
from auditlens.subject.huggingface import build_classifier

Arguments = Mapping[str, Any]
Builder = Callable[[str, Arguments, Path | None], nn.Module]
DOWNLOADS: Final = ("weights", "pretrained", "weights_backbone", "pretrained_cfg", "checkpoint_path")


def build(architecture: str, arguments: Arguments, n_outputs: int, import_path: Path | None) -> nn.Module:
    """Build the module of an architecture, with untrained weights that are the same every time.

    torchvision and timm models get `num_classes = n_outputs` unless the arguments say otherwise.

    Parameters
    ----------
    architecture : str
        `torchvision:NAME`, `timm:NAME`, `huggingface:FOLDER` or `python:module:factory`.
    arguments : mapping
        Keyword arguments of the factory.
    n_outputs : int
        Width of the output that the class list calls for.
    import_path : Path or None
        Folder put on the import path for Python factories.

    Raises
    ------
    ModelError
        Unknown kind or name, arguments that the factory refuses, or something that is no module.
    """
    kind, _, name = architecture.partition(":")
    if kind not in ARCHITECTURES:
        raise ModelError(
            f"unknown architecture {architecture!r}; valid are {', '.join(f'{k}:NAME' for k in ARCHITECTURES)}"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = ARCHITECTURES[kind](name, _with_width(kind, arguments, n_outputs), import_path)
    if not isinstance(module, nn.Module):
        raise ModelError(f"{architecture} gave {type(module).__name__}, not a torch.nn.Module")
    return module


def _with_width(kind: str, arguments: Arguments, n_outputs: int) -> Arguments:
    if kind in ("python", "huggingface"):
        return arguments
    fetching = [name for name in DOWNLOADS if arguments.get(name)]
    if fetching:
        raise ModelError(
            f"model.arguments may not ask for a download: {', '.join(fetching)}", hint="name a file in `model.weights`"
        )
    return {"num_classes": n_outputs, **{k: v for k, v in arguments.items() if k not in DOWNLOADS}}


def _torchvision(name: str, arguments: Arguments, import_path: Path | None) -> nn.Module:
    import torchvision

    _demand_known("torchvision", name, torchvision.models.list_models())
    module = _call(f"torchvision:{name}", torchvision.models.get_model, {"name": name, "weights": None, **arguments})
    if isinstance(module, torchvision.models.DenseNet):
        # Its forward applies this ReLU as a function, where no layer can be seen; a second ReLU changes nothing.
        module.features.add_module("relu5", nn.ReLU())
    return module


def _timm(name: str, arguments: Arguments, import_path: Path | None) -> nn.Module:
    import timm

    _demand_known("timm", name.partition(".")[0], timm.list_models())
    return _call(f"timm:{name}", timm.create_model, {"model_name": name, "pretrained": False, **arguments})


def _python(name: str, arguments: Arguments, import_path: Path | None) -> nn.Module:
    factory = load_function(name, import_path, ModelError)
    with on_import_path(searched_first(name, import_path)):
        return _call(f"python:{name}", factory, arguments)


def _huggingface(name: str, arguments: Arguments, import_path: Path | None) -> nn.Module:
    return build_classifier(name, arguments)


def _demand_known(kind: str, name: str, known: Iterable[str]) -> None:
    valid = list(known)
    if name not in valid:
        raise ModelError(f"{kind} has no model {name!r} (of {len(valid)}){nearest(name, valid)}")


def _call(name: str, factory: Callable[..., Any], arguments: Arguments) -> nn.Module:
    try:
        return factory(**arguments)  # type: ignore[no-any-return]
    except AuditLensError:
        raise
    except (Exception, SystemExit) as error:  # somebody else's code may raise anything, or leave
        given = ", ".join(arguments) or "none"
        raise ModelError(f"{name} cannot be built (arguments: {given}): {type(error).__name__}: {error}") from error


ARCHITECTURES: Final[Mapping[str, Builder]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "huggingface": _huggingface,
    "python": _python,
}
"""Kinds of architecture; a new one is a function here."""
