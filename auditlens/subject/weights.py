"""Weights from files, checked before they are believed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from auditlens.errors import IntegrityError, ModelError
from auditlens.store.folders import file_sha256

Weights = dict[str, Tensor]
NESTINGS: Final = ("state_dict", "model_state_dict", "model_state", "model", "net", "weights")
COUNTER: Final = "num_batches_tracked"
SHOWN: Final = 4
OF_THE_SIZE: Final = ("pos_embed", "position_embed", "relative_position", "attn_mask")
"""In names of weights whose shape follows from the size of the images."""


def load_weights(module: nn.Module, path: Path, expected_sha256: str | None) -> str:
    """Load a weights file into a module, whole and exactly.

    safetensors files and state dicts (`weights_only=True`, so that no code in them runs) are read; a nesting such as
    `state_dict` and a common prefix such as `module.` are taken off; half precision is cast to the module's type.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    IntegrityError
        If the file has another SHA-256 than expected.
    ModelError
        If it is absent or unreadable, or its names or shapes are not the module's.
    """
    if not path.is_file():
        raise ModelError(f"the weights file {path} does not exist")
    found = file_sha256(path)
    if expected_sha256 is not None and found != expected_sha256:
        raise IntegrityError(f"the weights file {path} has SHA-256 {found}, the spec expects {expected_sha256}")
    weights = _fit_prefix(_read(path), module)
    _compare(weights, module, path)
    module.load_state_dict(weights, strict=False)  # strictly compared above, but for batch counters
    return found


def _read(path: Path) -> Weights:
    try:
        content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    except Exception as error:  # damaged files raise anything, from KeyError to struct.error
        reason = "".join(str(error).splitlines()[:1]).partition(". ")[0]  # torch goes on with advice against safety
        raise ModelError(
            f"cannot read the weights file {path}: {type(error).__name__}: {reason}",
            hint="valid are safetensors files and state dicts saved by torch.save(model.state_dict())",
        ) from error
    return _unnest(content, path)


def _read_safetensors(path: Path) -> Any:
    from safetensors.torch import load_file

    return load_file(path)


def _read_pickle(path: Path) -> Any:
    with warnings.catch_warnings():
        # torch muses about the protocol of any other pickle; what cannot be read is an error of ours all the same
        warnings.filterwarnings("ignore", message="Detected pickle protocol", category=UserWarning)
        return torch.load(path, map_location="cpu", weights_only=True)


def _unnest(content: Any, path: Path) -> Weights:
    """Return the innermost mapping of names to tensors."""
    while isinstance(content, Mapping) and not any(isinstance(value, Tensor) for value in content.values()):
        inner = next((content[name] for name in NESTINGS if isinstance(content.get(name), Mapping)), None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, Mapping) or not any(isinstance(value, Tensor) for value in content.values()):
        raise ModelError(f"the weights file {path} holds no state dict (no tensors by name)")
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _fit_prefix(weights: Weights, module: nn.Module) -> Weights:
    """Take the prefix off that all names share (`module.`, `_orig_mod.`), where the names then fit the module best."""
    wanted = module.state_dict().keys()
    first = next(iter(weights)).split(".")
    prefixes = ["".join(f"{part}." for part in first[:n]) for n in range(len(first))]
    shared = [prefix for prefix in prefixes if all(name.startswith(prefix) for name in weights)]
    tries = [{name.removeprefix(prefix): value for name, value in weights.items()} for prefix in shared]
    return max(tries, key=lambda bare: len(wanted & bare.keys()))


def _compare(weights: Weights, module: nn.Module, path: Path) -> None:
    wanted = module.state_dict()
    missing = [name for name in wanted if name not in weights and not name.endswith(COUNTER)]
    unexpected = [name for name in weights if name not in wanted and not name.endswith(COUNTER)]
    differing = [
        f"{name} is {tuple(weights[name].shape)} in the file, {tuple(wanted[name].shape)} in the model"
        for name in wanted
        if name in weights and weights[name].shape != wanted[name].shape
    ]
    if not (missing or unexpected or differing):
        return
    problems = [
        _problem("missing in the file", missing),
        _problem("unknown to the model", unexpected),
        _problem("of another shape", differing),
    ]
    raise ModelError(
        f"the weights file {path} does not fit the model: {'; '.join(text for text in problems if text)}",
        hint=_guess(len(wanted), missing, differing),
    )


def _problem(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {what} ({', '.join(names[:SHOWN])}{more})"


def _guess(n_wanted: int, missing: Sequence[str], differing: Sequence[str]) -> str:
    if differing and not missing and all(any(word in text for word in OF_THE_SIZE) for text in differing):
        return (
            "were the weights trained on images of another size? Resize to it in `model.preprocessing`, or give the "
            "architecture's own argument for the size (`img_size` in timm, `image_size` in torchvision)"
        )
    if differing and not missing:
        return "is the number of classes or an argument of the architecture another one?"
    if len(missing) > n_wanted / 2:
        return "is it another architecture?"
    return "are the architecture and its arguments those of the training?"
