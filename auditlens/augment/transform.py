"""A transform for training code: put it into a torchvision pipeline before anything that changes the pixels' range."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from auditlens.augment.sources import Artefacts, Choice
from auditlens.challenge.draws import stream
from auditlens.challenge.rendering import Image8
from auditlens.errors import InputError
from auditlens.spec.load import LoadedSpec
from auditlens.spec.user_code import CodePolicy

Picture = TypeVar("Picture", Image.Image, Tensor, Image8)


class ArtefactTransform:
    """Put an artefact of a spec into an image at a given rate, whatever the image's label (paper, 4.3.3).

    Usable in `torchvision.transforms.Compose` and its v2, on PIL images, uint8 tensors (3 or 1, height, width) and
    uint8 arrays (height, width, 3); what goes in comes out, of the same type, size and mode.

    Every call takes one number from torch's global random state, as torchvision's own transforms do, and draws from a
    stream of that number. So `torch.manual_seed` fixes the sequence, and the workers of a `DataLoader` differ from each
    other and from epoch to epoch.

    Parameters
    ----------
    spec : path or LoadedSpec
    artefacts : "all" or sequence of str
    p : float
        Rate at which an image gets an artefact: one, drawn evenly from those named.
    seed : int
        Of the designs of drawn artefacts, which are others than the audit's.
    allow_code : bool
        Whether Python functions that the artefacts name may run.
    allow_modules : iterable of str
        Instead: modules and packages whose functions may run.

    Raises
    ------
    SpecError
        An artefact is a Python function that is not allowed to run.
    InputError
        For a rate outside [0, 1] or an artefact that the spec does not have; when called, for another kind of picture.
    """

    def __init__(
        self,
        spec: Path | str | LoadedSpec,
        artefacts: Choice = "all",
        p: float = 0.5,
        seed: int = 0,
        *,
        allow_code: bool = False,
        allow_modules: Iterable[str] = (),
    ) -> None:
        self.artefacts = Artefacts(spec, artefacts, p, seed, CodePolicy.of(allow_code, allow_modules))

    def __call__(self, picture: Picture) -> Picture:
        """Return the picture, with an artefact or as it is."""
        number = int(torch.randint(2**62, ()))
        rng = stream("augment/call", self.artefacts.seed, number)
        pixels = _pixels(picture)
        after = self.artefacts.put(pixels, rng)
        return _like(picture, after.image) if after.artefact else picture

    def __repr__(self) -> str:
        """Say what it puts in, and how often."""
        return f"ArtefactTransform({', '.join(self.artefacts.names)}; p={self.artefacts.probability:g})"


def _pixels(picture: Any) -> Image8:
    """RGB pixels of a PIL image, tensor or array, (height, width, 3)."""
    if isinstance(picture, Image.Image):
        if picture.mode not in ("RGB", "L"):
            raise InputError(f"the picture has mode {picture.mode}; valid are RGB and L", hint='picture.convert("RGB")')
        return np.asarray(picture.convert("RGB"))
    if isinstance(picture, Tensor) and picture.dtype == torch.uint8 and picture.ndim == 3 and len(picture) in (1, 3):
        planes = picture.expand(3, -1, -1).permute(1, 2, 0)
        return np.ascontiguousarray(planes.cpu().numpy())
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3:
        return picture
    raise InputError(
        f"cannot put an artefact into {_described(picture)}; valid are PIL images (RGB, L), uint8 tensors "
        "(3 or 1, height, width) and uint8 arrays (height, width, 3)",
        hint="put the transform before ToTensor, ToDtype and Normalize",
    )


def _described(picture: Any) -> str:
    if isinstance(picture, (Tensor, np.ndarray)):
        return f"a {type(picture).__name__} of {picture.dtype} and shape {tuple(picture.shape)}"
    return f"a {type(picture).__name__}"


def _like(picture: Any, pixels: Image8) -> Any:
    """Give pixels the type, mode and device of the picture that they came from."""
    if isinstance(picture, Image.Image):
        return Image.fromarray(pixels).convert(picture.mode)
    if isinstance(picture, Tensor):
        planes = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
        if len(picture) == 1:
            planes = torch.from_numpy(np.array(Image.fromarray(pixels).convert("L")))[None]
        planes = planes.contiguous().to(picture.device)
        return planes.as_subclass(type(picture))
    return pixels
