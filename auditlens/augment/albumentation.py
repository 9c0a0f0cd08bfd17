"""The same transform for albumentations: `pip install "auditlens[albumentations]"`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auditlens.augment.sources import Artefacts, Choice
from auditlens.challenge.draws import stream
from auditlens.errors import InputError
from auditlens.spec.load import LoadedSpec
from auditlens.spec.user_code import CodePolicy

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version
try:
    from albumentations.core.transforms_interface import ImageOnlyTransform
except ImportError as error:
    raise InputError(
        "albumentations is not installed", hint='pip install "auditlens[albumentations]", or use ArtefactTransform'
    ) from error


class AlbumentationsArtefacts(ImageOnlyTransform):  # type: ignore[misc]
    """Put an artefact of a spec into an image at the rate `p`, whatever its label.

    All draws come from albumentations' own random state, so `Compose(..., seed=...)` fixes them and its workers differ.

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
        chosen = Artefacts(spec, artefacts, p, seed, CodePolicy.of(allow_code, allow_modules))
        chosen.probability = 1.0  # albumentations draws the rate itself
        super().__init__(p=p)
        self.artefacts = chosen

    def get_params(self) -> dict[str, Any]:
        """Draw the number that names the stream of this image."""
        return {"number": int(self.random_generator.integers(2**62))}

    def apply(self, img: Any, number: int = 0, **params: Any) -> Any:
        """Put one artefact into a uint8 image (height, width, 3)."""
        return self.artefacts.put(img, stream("augment/call", self.artefacts.seed, number)).image

    def get_transform_init_args_names(self) -> tuple[str, ...]:
        """Name nothing: a spec is not part of a serialised pipeline."""
        return ()
