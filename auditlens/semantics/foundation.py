"""Foundation models: what gives the semantic space (paper, 3.2), by one builder per kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from auditlens.semantics.encoding import Pixels
from auditlens.semantics.text_image import load_text_image_model
from auditlens.semantics.timm_encoder import TIMM, load_timm_encoder
from auditlens.spec.model import Foundation


class FoundationModel(Protocol):
    """An encoder in evaluation mode, with or without words."""

    @property
    def name(self) -> str:
        """As the spec gives it."""

    @property
    def sha256(self) -> str:
        """Of the weights file for local weights, else of the loaded parameters in the order of their names."""

    @property
    def settings(self) -> str:
        """What the embeddings depend on beside the weights: a hash of the configuration, or the image size."""

    @property
    def dimension(self) -> int:
        """Width of the semantic space."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    @property
    def reads_text(self) -> bool:
        """Whether words can be embedded."""

    def embed_images(self, images: Sequence[Pixels], batch_size: int = 32, /) -> NDArray[np.float32]:
        """Embed RGB images, which may be lazy, as unit vectors, (images, dim).

        Raises
        ------
        FoundationError
            Where an embedding is not finite or is zero.
        """

    def embed_texts(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Embed texts as unit vectors, (texts, dim).

        Raises
        ------
        FoundationError
            As `embed_images`, and where the model reads no text.
        """


Builder = Callable[[Foundation, Path, torch.device], FoundationModel]
BUILDERS: Final[Mapping[str, Builder]] = {"open_clip": load_text_image_model, "timm": load_timm_encoder}
"""Text-image models by open_clip, and encoders without words by timm."""


def load_foundation(spec: Foundation, base: Path, device: torch.device | str = "cpu") -> FoundationModel:
    """Load the foundation model that a spec names.

    Parameters
    ----------
    spec : Foundation
        `model` is an open_clip name with `pretrained`, `hf-hub:ORG/NAME` or `local-dir:FOLDER` (all open_clip), or
        `timm:NAME` with a weights file as `pretrained`.
    base : Path
        Folder that local paths are relative to.
    device : torch.device or str

    Raises
    ------
    FoundationError
        Unknown name, missing folder, missing weights, or the model cannot be built, loaded or downloaded.
    IntegrityError
        The weights file is not the one whose SHA-256 the spec gives.
    """
    kind = "timm" if spec.model.startswith(TIMM) else "open_clip"
    return BUILDERS[kind](spec, base, torch.device(device))
