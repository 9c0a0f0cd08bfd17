"""Artefacts of the spec become sources that put them into images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from auditlens.challenge.acquisition import ACQUISITIONS, load_acquired
from auditlens.challenge.colours import HueSource, TintSource
from auditlens.challenge.cutouts import load_cutouts
from auditlens.challenge.overlays import load_overlay
from auditlens.challenge.rendered import FAMILIES, load_rendered
from auditlens.challenge.rendering import ArtefactSource
from auditlens.errors import ArtefactError, nearest
from auditlens.spec.artefacts import Artefact

Builder = Callable[[Any, Path, int], ArtefactSource]

BUILDERS: dict[str, Builder] = {
    "tint": lambda artefact, base, seed: TintSource(artefact),
    "hue_shift": lambda artefact, base, seed: HueSource(artefact),
    "overlay": load_overlay,
    "cutout": load_cutouts,
    **dict.fromkeys(FAMILIES, load_rendered),
    **dict.fromkeys(ACQUISITIONS, load_acquired),
}
"""Kind of artefact -> how its source is built; a new kind is one more line here and one more type in the spec."""


def load_artefact(artefact: Artefact, base: Path, seed: int) -> ArtefactSource:
    """Build the source of one artefact of the spec.

    Parameters
    ----------
    artefact : Artefact
        As the spec describes it.
    base : Path
        Folder of the spec, from which relative paths start.
    seed : int
        Seed of the audit; drawn artefacts take their designs from it.

    Returns
    -------
    ArtefactSource

    Raises
    ------
    ArtefactError
        When pictures or masks are missing, broken or do not fit the format.
    """
    builder = BUILDERS.get(artefact.kind)
    if builder is None:
        guess = nearest(artefact.kind, BUILDERS)
        raise ArtefactError(f"unknown kind of artefact {artefact.kind!r}; valid are {', '.join(BUILDERS)}{guess}")
    return builder(artefact, base, seed)
