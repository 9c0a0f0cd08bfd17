"""Text-image models by open_clip: CLIP, SigLIP, CoCa and whatever else it builds.

Only directions are used: embeddings are brought to unit length here, and neither the logit scale nor the bias of a
sigmoid loss (SigLIP) is ever read. Tokenizer, context length and cleaning of the texts are the model's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image

from auditlens.errors import FoundationError, nearest
from auditlens.semantics.encoding import Pixels, check_digest, silently, unit_rows
from auditlens.spec.model import Foundation
from auditlens.spec.paths import resolve
from auditlens.store.folders import file_sha256

LOCAL: Final = "local-dir:"
HUB: Final = "hf-hub:"
CONFIG: Final = "open_clip_config.json"
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
TOKENIZER_HINT: Final = "without a network, bring it along as local-dir:FOLDER with the files of its tokenizer"


@dataclass(frozen=True, slots=True)
class TextImageModel:
    """A model with an image and a text tower; see `FoundationModel`."""

    name: str
    sha256: str
    settings: str
    dimension: int
    device: torch.device
    _module: torch.nn.Module
    _transform: Callable[[Image.Image], torch.Tensor]
    _tokenizer: Callable[[list[str]], torch.Tensor]

    @property
    def reads_text(self) -> bool:
        """Always: a model without a text tower is refused."""
        return True

    def embed_images(self, images: Sequence[Pixels], batch_size: int = 32, /) -> NDArray[np.float32]:
        """Embed RGB images as unit vectors, (images, dim)."""
        if not len(images):
            return np.empty((0, self.dimension), np.float32)
        return unit_rows(self._encode_images, images, batch_size, self.name)

    def embed_texts(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Embed texts as unit vectors, (texts, dim)."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        return unit_rows(self._encode_texts, list(texts), TEXT_BATCH, self.name)

    @torch.no_grad()
    def _encode_images(self, images: Sequence[Pixels]) -> torch.Tensor:
        batch = torch.stack([self._transform(Image.fromarray(image)) for image in images])
        encode: Any = self._module.encode_image
        encoded: torch.Tensor = encode(batch.to(self.device))
        return encoded

    @torch.no_grad()
    def _encode_texts(self, texts: list[str]) -> torch.Tensor:
        encode: Any = self._module.encode_text
        encoded: torch.Tensor = encode(self._tokenizer(texts).to(self.device))
        return encoded


def load_text_image_model(spec: Foundation, base: Path, device: torch.device) -> TextImageModel:
    """Load by open_clip: a name with `pretrained`, `hf-hub:ORG/NAME` or `local-dir:FOLDER`.

    Raises
    ------
    FoundationError
    IntegrityError
    """
    name, pretrained, weights = _resolve(spec, base)
    digest = file_sha256(weights) if weights is not None else None
    if digest is not None:
        check_digest(spec, digest, weights or name)
    module, transform = _create(name, pretrained, device)
    tokenizer = silently(lambda: open_clip.get_tokenizer(name), name, TOKENIZER_HINT)
    sha256 = digest or _parameters_sha256(module)
    check_digest(spec, sha256, name)
    dimension = _measure_dimension(module, tokenizer, device, name)
    return TextImageModel(spec.model, sha256, _settings(name), dimension, device, module, transform, tokenizer)


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
    if not (folder / CONFIG).is_file():
        what = f"has no {CONFIG}" if folder.is_dir() else "does not exist"
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
        hint = "an open_clip name, hf-hub:ORG/NAME, local-dir:FOLDER, or timm:NAME for an encoder without words"
        raise FoundationError(f"unknown foundation model {spec.model!r}{nearest(spec.model, known)}", hint=hint)
    if spec.pretrained is None:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(spec.model)) or "a weights file"
        raise FoundationError(f"foundation model {spec.model!r} needs `pretrained`; valid are {tags}")


def _create(
    name: str, pretrained: str | None, device: torch.device
) -> tuple[torch.nn.Module, Callable[[Image.Image], torch.Tensor]]:
    module, _, transform = silently(
        lambda: open_clip.create_model_and_transforms(
            name, pretrained=pretrained, device=device, require_pretrained=True, weights_only=True
        ),
        name,
    )
    return module.eval().requires_grad_(False), transform


@torch.no_grad()
def _measure_dimension(module: torch.nn.Module, tokenizer: Any, device: torch.device, name: str) -> int:
    encode: Any = getattr(module, "encode_text", None)
    if encode is None:
        raise FoundationError(f"{name} has no text encoder, so it cannot probe for words")
    encoded: torch.Tensor = silently(lambda: encode(tokenizer([""]).to(device)), name)
    return int(encoded.shape[-1])


def _settings(name: str) -> str:
    """SHA-256 of a local folder's configuration; plain names and the hub's say it themselves."""
    return file_sha256(Path(name.removeprefix(LOCAL)) / CONFIG) if name.startswith(LOCAL) else ""


def _parameters_sha256(module: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
