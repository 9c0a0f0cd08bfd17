"""A spec and training images come in; the same images with the spec's artefacts, whatever their label, go out.

``ArtefactTransform`` is for training code (torchvision), ``AlbumentationsArtefacts`` for albumentations, and
``augment_folder`` writes copies of a folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditlens.augment.albumentation import AlbumentationsArtefacts
    from auditlens.augment.copies import augment_folder
    from auditlens.augment.transform import ArtefactTransform

__all__ = ["AlbumentationsArtefacts", "ArtefactTransform", "augment_folder"]

_HOME = {
    "AlbumentationsArtefacts": "albumentation",
    "ArtefactTransform": "transform",
    "augment_folder": "copies",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for: albumentations is an extra."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"auditlens.augment.{_HOME[name]}"), name)
    raise AttributeError(f"module 'auditlens.augment' has no attribute {name!r}")
