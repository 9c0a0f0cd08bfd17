"""Foundation models: any text-image model of open_clip, as the source of the semantic space (paper, 3.2)."""

from __future__ import annotations

import hashlib
import logging
import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError

from auditlens.errors import FoundationError, IntegrityError, nearest
from auditlens.spec.model import Foundation
from auditlens.spec.paths import resolve

LOCAL: Final = "local-dir:"
HUB: Final = "hf-hub:"
PREFERRED: Final = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
"""The order in which open_clip looks for weights in a local folder."""

TEXT_BATCH: Final = 64
CANNOT_LOAD: Final = (
    *(OSError, RuntimeError, ValueError, AssertionError, KeyError, TypeError, ImportError, EOFError),
    *(pickle.UnpicklingError, SafetensorError),
)
"""What open_clip and its readers raise for unknown tags, broken files and missing networks."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FoundationModel:
    """A text-image model in evaluation mode.

    Attributes
    ----------
    name : str
        As the spec gives it.
    sha256 : str
        Of the weights file for local weights, else of the loaded parameters in the order of their names.
    dimension : int
        Width of the semantic space.
    device : torch.device
    """

    name: str
    sha256: str
    dimension: int
    device: torch.device
    _module: torch.nn.Module
    _transform: Callable[[Image.Image], torch.Tensor]
    _tokenizer: Callable[[list[str]], torch.Tensor]

    @property
    def reads_text(self) -> bool:
        """Whether words can be embedded."""
        return True

    def embed_images(self, images: Sequence[NDArray[np.uint8]], batch_size: int = 32) -> NDArray[np.float32]:
        """Embed RGB images.

        Parameters
        ----------
        images : sequence of uint8 arrays (height, width, 3)
            May be lazy; only one batch of pixels is held.
        batch_size : int

        Returns
        -------
        float32 array (images, dim)
            Unit vectors.

        Raises
        ------
        FoundationError
            Where an embedding is not finite or is zero.
        """
        rows = [self._encode_images(images[start : start + batch_size]) for start in _starts(images, batch_size)]
        return self._gather(rows)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts, (texts, dim) float32 unit vectors; raises FoundationError as `embed_images` does."""
        rows = [self._encode_texts(list(texts[start : start + TEXT_BATCH])) for start in _starts(texts, TEXT_BATCH)]
        return self._gather(rows)

    @torch.no_grad()
    def _encode_images(self, images: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        batch = torch.stack([self._transform(Image.fromarray(image)) for image in images])
        encode: Any = self._module.encode_image
        encoded: torch.Tensor = encode(batch.to(self.device))
        return encoded

    @torch.no_grad()
    def _encode_texts(self, texts: list[str]) -> torch.Tensor:
        encode: Any = self._module.encode_text
        encoded: torch.Tensor = encode(self._tokenizer(texts).to(self.device))
        return encoded

    def _gather(self, rows: list[torch.Tensor]) -> NDArray[np.float32]:
        if not rows:
            return np.empty((0, self.dimension), np.float32)
        vectors = torch.cat([row.float().cpu() for row in rows]).numpy()
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise FoundationError(f"{self.name} gives embeddings that are zero or not finite; check its weights")
        return np.asarray(vectors / lengths, dtype=np.float32)


def load_foundation(spec: Foundation, base: Path, device: torch.device | str = "cpu") -> FoundationModel:
    """Load the foundation model that a spec names.

    Parameters
    ----------
    spec : Foundation
        `model` is an open_clip name with `pretrained`, `hf-hub:ORG/NAME` or `local-dir:FOLDER`.
    base : Path
        Folder that local paths are relative to.
    device : torch.device or str

    Raises
    ------
    FoundationError
        Unknown name, missing folder, missing weights, or open_clip cannot build or download the model.
    IntegrityError
        The weights file is not the one whose SHA-256 the spec gives.
    """
    name, pretrained, weights = _resolve(spec, base)
    digest = _file_sha256(weights) if weights is not None else None
    _check_digest(spec, digest, weights)
    module, transform = _create(name, pretrained, torch.device(device))
    tokenizer = _silently(lambda: open_clip.get_tokenizer(name), name)
    sha256 = digest or _parameters_sha256(module)
    if spec.sha256 is not None and spec.sha256 != sha256:
        raise IntegrityError(f"foundation.sha256 is {spec.sha256}, but the parameters of {name} hash to {sha256}")
    dimension = _measure_dimension(module, tokenizer, torch.device(device), name)
    return FoundationModel(spec.model, sha256, dimension, torch.device(device), module, transform, tokenizer)


def _resolve(spec: Foundation, base: Path) -> tuple[str, str | None, Path | None]:
    """Return open_clip's name, the pretrained tag or file, and the local weights file where there is one."""
    if spec.model.startswith(LOCAL):
        folder = _folder(resolve(spec.model.removeprefix(LOCAL), base))
        return f"{LOCAL}{folder}", None, _weights_file(folder)
    if spec.model.startswith(HUB):
        return spec.model, None, None
    _check_name(spec)
    local = base / Path(spec.pretrained or "").expanduser()
    if spec.pretrained and local.is_file():
        return spec.model, str(local), local
    return spec.model, spec.pretrained, None


def _folder(folder: Path) -> Path:
    if not (folder / "open_clip_config.json").is_file():
        what = "has no open_clip_config.json" if folder.is_dir() else "does not exist"
        hint = "local-dir: takes open_clip's local-folder form"
        raise FoundationError(f"foundation folder {folder} {what}", hint=hint)
    return folder.resolve()


def _weights_file(folder: Path) -> Path:
    found = sorted(path for end in ("*.safetensors", "*.bin", "*.pth") for path in folder.glob(end))
    if not found:
        raise FoundationError(f"foundation folder {folder} has no weights (*.safetensors, *.bin or *.pth)")
    by_name = {path.name: path for path in found}
    preferred = [by_name[name] for name in PREFERRED if name in by_name]
    return (preferred or sorted(found, key=lambda path: path.suffix != ".safetensors"))[0]


def _check_name(spec: Foundation) -> None:
    """Refuse unknown names, and names without pretrained weights: a random model sees nothing."""
    known = open_clip.list_models()
    if spec.model not in known:
        hint = "an open_clip name, hf-hub:ORG/NAME or local-dir:FOLDER"
        raise FoundationError(f"unknown foundation model {spec.model!r}{nearest(spec.model, known)}", hint=hint)
    if spec.pretrained is None:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(spec.model)) or "a weights file"
        raise FoundationError(f"foundation model {spec.model!r} needs `pretrained`; valid are {tags}")


def _check_digest(spec: Foundation, digest: str | None, weights: Path | None) -> None:
    if spec.sha256 is not None and digest is not None and digest != spec.sha256:
        raise IntegrityError(f"{weights} has SHA-256 {digest}, foundation.sha256 is {spec.sha256}")


def _create(
    name: str, pretrained: str | None, device: torch.device
) -> tuple[torch.nn.Module, Callable[[Image.Image], torch.Tensor]]:
    module, _, transform = _silently(
        lambda: open_clip.create_model_and_transforms(
            name, pretrained=pretrained, device=device, require_pretrained=True, weights_only=True
        ),
        name,
    )
    return module.eval().requires_grad_(False), transform


def _silently(build: Callable[[], T], name: str) -> T:
    """Run open_clip without its log and warnings; what it raises becomes a FoundationError."""
    try:
        with quiet():
            return build()
    except CANNOT_LOAD as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FoundationError(f"foundation model {name} cannot be loaded: {first}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings and log lines of open_clip, timm and the hub client, for the enclosed calls only."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for module in ("open_clip", "timm", "huggingface_hub", "torch", "ftfy"):
                warnings.filterwarnings("ignore", module=rf"{module}(\..*)?")
            warnings.filterwarnings("ignore", message=".*QuickGELU.*")
            yield
    finally:
        logging.disable(before)


@torch.no_grad()
def _measure_dimension(module: torch.nn.Module, tokenizer: Any, device: torch.device, name: str) -> int:
    encode: Any = getattr(module, "encode_text", None)
    if encode is None:
        raise FoundationError(f"{name} has no text encoder, so it cannot probe for words")
    return int(encode(tokenizer([""]).to(device)).shape[-1])


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parameters_sha256(module: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _starts(items: Sequence[Any], step: int) -> range:
    return range(0, len(items), step)
