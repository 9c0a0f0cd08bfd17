"""Arguments of an architecture that follow from the images that the preprocessing gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from auditlens.errors import ModelError

Shape = tuple[int, ...]
SIDE: Final = 224
"""Side of the images that torchvision's vision transformers are built for unless they are told otherwise."""


def arguments_for(architecture: str, arguments: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """Return the arguments that make an architecture take inputs of a shape, where its own size or colours differ.

    timm: `img_size` for networks with a fixed size (ViT, Swin and others), `in_chans` for inputs that are not RGB.
    torchvision: `image_size` for vision transformers. Other networks take any size, factories what they are told.

    Parameters
    ----------
    architecture : str
        As in the spec.
    arguments : mapping
        Those of the spec; what it says is never replaced.
    shape : tuple of int
        (channels, height, width) of the prepared images.

    Raises
    ------
    ModelError
        The architecture cannot take such inputs.
    """
    kind, _, name = architecture.partition(":")
    fitted = FITTINGS[kind](name, shape) if kind in FITTINGS else {}
    return {key: value for key, value in fitted.items() if key not in arguments}


def sentences(added: Mapping[str, Any], shape: Shape) -> tuple[str, ...]:
    """Say in words which arguments were added and why."""
    text = " x ".join(map(str, shape))
    return tuple(
        f"{name} {_words(value)} is passed to the architecture, since the preprocessing gives images of {text}"
        for name, value in added.items()
    )


def _words(value: Any) -> str:
    return " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _timm(name: str, shape: Shape) -> dict[str, Any]:
    import timm

    own = timm.get_pretrained_cfg(name)
    channels, *size = shape
    added: dict[str, Any] = {"in_chans": channels} if channels != 3 else {}
    if own is not None and own.fixed_input_size and tuple(size) != tuple(own.input_size[1:]):
        added["img_size"] = tuple(size)
    return added


def _torchvision(name: str, shape: Shape) -> dict[str, Any]:
    channels, height, width = shape
    if channels != 3:
        raise ModelError(
            f"torchvision:{name} takes RGB images; the preprocessing gives {channels} channel{'s' * (channels > 1)}",
            hint="timm's models take any number of channels, as does a `python:` factory that changes the first layer",
        )
    if not name.startswith("vit_") or (height, width) == (SIDE, SIDE):
        return {}
    if height != width:
        raise ModelError(
            f"torchvision:{name} takes square images; the preprocessing gives {width} x {height} pixels",
            hint="write `preprocessing: {resize: [224, 224]}`, or use timm's model of that name",
        )
    return {"image_size": height}


FITTINGS: Final[Mapping[str, Callable[[str, Shape], dict[str, Any]]]] = {"timm": _timm, "torchvision": _torchvision}
"""Kinds of architecture whose arguments can follow from the images."""
