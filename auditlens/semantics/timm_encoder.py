"""Encoders without words by timm, such as DINOv2: example images, columns and interpretability need no text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform
from timm.models import load_state_dict

from auditlens.errors import FoundationError, nearest
from auditlens.semantics.encoding import Pixels, check_digest, silently, unit_rows
from auditlens.spec.model import Foundation
from auditlens.spec.paths import resolve
from auditlens.store.folders import file_sha256

TIMM: Final = "timm:"
SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class TimmEncoder:
    """A backbone whose pooled features span the space; see `FoundationModel`."""

    name: str
    sha256: str
    settings: str
    dimension: int
    device: torch.device
    _module: torch.nn.Module
    _transform: Callable[[Image.Image], torch.Tensor]

    @property
    def reads_text(self) -> bool:
        """Never."""
        return False

    def embed_images(self, images: Sequence[Pixels], batch_size: int = 32, /) -> NDArray[np.float32]:
        """Embed RGB images as unit vectors, (images, dim): the features that its classifier would read."""
        if not len(images):
            return np.empty((0, self.dimension), np.float32)
        return unit_rows(self._encode, images, batch_size, self.name)

    def embed_texts(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Refuse, by a FoundationError."""
        raise FoundationError(f"{self.name} reads no text", hint="give example images or a column, or another model")

    @torch.no_grad()
    def _encode(self, images: Sequence[Pixels]) -> torch.Tensor:
        batch = torch.stack([self._transform(Image.fromarray(image)) for image in images])
        encoded: torch.Tensor = self._module(batch.to(self.device))
        return encoded


def load_timm_encoder(spec: Foundation, base: Path, device: torch.device) -> TimmEncoder:
    """Build `timm:NAME` without its classifier, with the weights of a local file.

    Parameters
    ----------
    spec : Foundation
        `pretrained` is a safetensors file or state dict, in timm's names or those of the original release that timm
        knows how to convert (DINOv2's); `image_size` is the side of the input where it is not the model's own.
    base : Path
    device : torch.device

    Raises
    ------
    FoundationError
        Unknown name, no weights file, or weights that are not the model's in every name and shape.
    IntegrityError
        The file is not the one whose SHA-256 the spec gives.
    """
    name = spec.model.removeprefix(TIMM)
    _check_name(name)
    path = _weights_file(spec, base)
    digest = file_sha256(path)
    check_digest(spec, digest, path)
    module = silently(lambda: _build(name, spec.image_size), spec.model)
    _load(module, path, spec.model)
    module = module.eval().requires_grad_(False).to(device)
    dimension = _measure_dimension(module, spec, device)
    settings = str(spec.image_size or "")
    return TimmEncoder(spec.model, digest, settings, dimension, device, module, _transform(module, spec.image_size))


def _check_name(name: str) -> None:
    known = timm.list_models()
    if name.partition(".")[0] not in known:
        raise FoundationError(f"timm has no model {name!r} (of {len(known)}){nearest(name, known)}")


def _weights_file(spec: Foundation, base: Path) -> Path:
    if spec.pretrained is None:
        raise FoundationError(
            f"foundation model {spec.model!r} needs `pretrained` with a weights file: a random encoder sees nothing"
        )
    path = resolve(spec.pretrained, base)
    if not path.is_file():
        raise FoundationError(f"foundation model {spec.model!r}: the weights file {path} does not exist")
    return path


def _build(name: str, image_size: int | None) -> torch.nn.Module:
    """Build with untrained weights, all of which the file replaces; the random generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        module: torch.nn.Module = timm.create_model(name, pretrained=False, num_classes=0)
    resize: Any = getattr(module, "set_input_size", None)  # vision transformers: the grid of position embeddings
    if image_size is not None and resize is not None:
        resize(img_size=image_size)
    return module


def _load(module: torch.nn.Module, path: Path, name: str) -> None:
    """Load every parameter and nothing else but a classifier, which is left out."""
    state = silently(lambda: _read(module, path), f"{name} from {path}")
    head = _classifier(module)
    weights = {key: value for key, value in state.items() if not key.startswith(head)}
    wanted = module.state_dict()
    wrong = sorted(
        {key for key in wanted if key not in weights or weights[key].shape != wanted[key].shape}
        | {key for key in weights if key not in wanted}
    )
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise FoundationError(
            f"the weights file {path} does not fit {name}: missing, unknown or of another shape are "
            f"{', '.join(wrong[:SHOWN])}{more}",
            hint="is it the file of this architecture?",
        )
    module.load_state_dict(weights)


def _read(module: torch.nn.Module, path: Path) -> Mapping[str, torch.Tensor]:
    """Read a file, and convert names and position embeddings as timm does for this architecture."""
    state: dict[str, torch.Tensor] = load_state_dict(str(path), weights_only=True)
    convert = getattr(sys.modules[type(module).__module__], "checkpoint_filter_fn", None)
    converted: Mapping[str, torch.Tensor] = state if convert is None else convert(state, module)
    return converted


def _classifier(module: torch.nn.Module) -> tuple[str, ...]:
    config: Any = module.pretrained_cfg
    names = config.get("classifier") or ()
    return tuple(f"{name}." for name in ((names,) if isinstance(names, str) else names))


def _transform(module: torch.nn.Module, image_size: int | None) -> Callable[[Image.Image], torch.Tensor]:
    resolve_config: Any = resolve_model_data_config  # not typed in timm
    config = resolve_config(module)
    if image_size is not None:
        config["input_size"] = (3, image_size, image_size)
    transform: Callable[[Image.Image], torch.Tensor] = create_transform(**config, is_training=False)
    return transform


def _measure_dimension(module: torch.nn.Module, spec: Foundation, device: torch.device) -> int:
    picture = np.zeros((64, 64, 3), np.uint8)
    batch = _transform(module, spec.image_size)(Image.fromarray(picture))[None].to(device)
    with torch.no_grad():
        encoded = silently(lambda: module(batch), spec.model)
    if encoded.ndim != 2:
        raise FoundationError(f"{spec.model} gives features of shape {tuple(encoded.shape)}, not one vector an image")
    return int(encoded.shape[1])
