"""Artefacts of the spec become sources that put them into images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from auditlens.challenge.acquisition import ACQUISITIONS, load_acquired
from auditlens.challenge.backgrounds import load_background
from auditlens.challenge.colour_profiles import load_colour_profile
from auditlens.challenge.colours import HueSource, TintSource
from auditlens.challenge.cutouts import load_cutouts
from auditlens.challenge.loading import Loading as Loading
from auditlens.challenge.overlays import load_overlay
from auditlens.challenge.python_functions import load_python
from auditlens.challenge.rendered import FAMILIES, load_rendered
from auditlens.challenge.rendering import ArtefactSource
from auditlens.data.sample import DataIndex
from auditlens.errors import ArtefactError, nearest
from auditlens.spec.artefacts import Artefact

Builder = Callable[[Any, Loading], ArtefactSource]


def _of_files(build: Callable[[Any, Path, int], ArtefactSource]) -> Builder:
    """Turn what needs only a folder and a seed into a builder."""
    return lambda artefact, loading: build(artefact, loading.base, loading.seed)


BUILDERS: dict[str, Builder] = {
    "tint": lambda artefact, loading: TintSource(artefact),
    "hue_shift": lambda artefact, loading: HueSource(artefact),
    "overlay": _of_files(load_overlay),
    "cutout": _of_files(load_cutouts),
    **dict.fromkeys(FAMILIES, _of_files(load_rendered)),
    **dict.fromkeys(ACQUISITIONS, _of_files(load_acquired)),
    "background": load_background,
    "python": load_python,
    "colour_profile": load_colour_profile,
}
"""Kind of artefact -> how its source is built; a new kind is one more line here and one more type in the spec."""


def load_artefact(artefact: Artefact, base: Path, seed: int, index: DataIndex | None = None) -> ArtefactSource:
    """Build the source of one artefact of the spec.

    Parameters
    ----------
    artefact : Artefact
        As the spec describes it.
    base : Path
        Folder of the spec, from which relative paths start.
    seed : int
        Seed of the audit; drawn artefacts take their designs from it.
    index : DataIndex, optional
        The audited images, for kinds that are made of them.

    Returns
    -------
    ArtefactSource

    Raises
    ------
    ArtefactError
        When pictures, masks, profiles or functions are missing, broken or do not fit.
    """
    builder = BUILDERS.get(artefact.kind)
    if builder is None:
        guess = nearest(artefact.kind, BUILDERS)
        raise ArtefactError(f"unknown kind of artefact {artefact.kind!r}; valid are {', '.join(BUILDERS)}{guess}")
    return builder(artefact, Loading(base, seed, index))
