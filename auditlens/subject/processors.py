"""The preprocessing that a `preprocessor_config.json` describes, as the spec would declare it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from auditlens.errors import ModelError
from auditlens.spec.model import Model, Preprocessing

FILE: Final = "preprocessor_config.json"
FILTERS: Final[Mapping[int, Literal["nearest", "lanczos", "bilinear", "bicubic"]]] = {
    0: "nearest",
    1: "lanczos",
    2: "bilinear",
    3: "bicubic",
}
KINDS: Final = ("ViT", "DeiT", "Beit", "ConvNext", "Bit", "CLIP", "MobileNetV1", "MobileNetV2", "Siglip")
"""Processors that only resize, cut the centre, scale and normalise; others do more than the spec can declare."""
ENDINGS: Final = ("ImageProcessor", "ImageProcessorFast", "ImageProcessorPil", "FeatureExtractor")
WHOLE: Final = 384
"""Side from which on ConvNeXt's processor squashes the whole image instead of cutting its centre."""
BEFORE: Final = 224 / 256
"""ConvNeXt's share of the shorter side that the cut keeps, where the file does not say."""


def with_processor(model: Model, folder: Path) -> Model:
    """Return the model with the folder's preprocessing, where the spec declares none.

    Raises
    ------
    ModelError
        As for `read_processor`, or a file that ships beside it, which would go without.
    """
    if "preprocessing" in model.model_fields_set:
        return model
    if model.released is not None:
        raise ModelError("declare `model.preprocessing`: the file that ships in `released` knows of no processor")
    return model.model_copy(update={"preprocessing": read_processor(folder)})


def read_processor(folder: Path) -> Preprocessing:
    """Read a folder's preprocessing.

    Raises
    ------
    ModelError
        No such file, or one that does what the fields of `model.preprocessing` cannot say.
    """
    path = folder / FILE
    if not path.is_file():
        raise ModelError(f"{folder} holds no {FILE}", hint="declare `model.preprocessing`")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return _translated(said)
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        reason = "; ".join(str(error).splitlines()[:2])
        raise ModelError(f"{path} cannot be read as preprocessing: {reason}", hint="declare it in the spec") from error


def _translated(said: Mapping[str, Any]) -> Preprocessing:
    kind = _kind(said)
    _demand_plain(said, kind)
    scale = float(said.get("rescale_factor", 1 / 255)) if said.get("do_rescale", True) else 1.0
    normalised = said.get("do_normalize", True)
    return Preprocessing(
        **(_convnext_size(said) if kind == "ConvNext" else _size(said)),
        interpolation=FILTERS[int(said.get("resample", 2))],
        scale=scale,
        mean=_three(said["image_mean"]) if normalised else (0.0, 0.0, 0.0),
        std=_three(said["image_std"]) if normalised else (1.0, 1.0, 1.0),
    )


def _kind(said: Mapping[str, Any]) -> str:
    name = str(said.get("image_processor_type") or said.get("feature_extractor_type") or "")
    for kind in KINDS:
        if name in {kind + ending for ending in ENDINGS}:
            return kind
    raise ValueError(f"{name or 'a processor without a type'} is none of those known here ({', '.join(KINDS)})")


def _demand_plain(said: Mapping[str, Any], kind: str) -> None:
    more = [
        name for name in ("do_pad", "do_flip_channel_order", "rescale_offset", "do_reduce_labels") if said.get(name)
    ]
    if more:
        raise ValueError(f"it asks for {', '.join(more)}, which the spec cannot declare")


def _size(said: Mapping[str, Any]) -> dict[str, Any]:
    cut = _side(said["crop_size"]) if said.get("do_center_crop") else None
    if not said.get("do_resize", True):
        return {"crop": cut}
    size = said["size"]
    if isinstance(size, int):
        size = {"height": size, "width": size}
    if "shortest_edge" in size:
        # without a cut the images keep their own shapes, and no batch of them can be made
        return {"resize": int(size["shortest_edge"]), "mode": "shortest", "crop": cut or _refuse_free_size()}
    return {"resize": (int(size["height"]), int(size["width"])), "crop": cut}


def _refuse_free_size() -> int:
    raise ValueError("it resizes the shorter side and cuts nothing, so that images keep different shapes")


def _convnext_size(said: Mapping[str, Any]) -> dict[str, Any]:
    size = said["size"]
    side = int(size if isinstance(size, int) else size["shortest_edge"])
    if side >= WHOLE:
        return {"resize": (side, side)}
    share = float(said.get("crop_pct") or BEFORE)
    return {"resize": int(side / share), "mode": "shortest", "crop": side}


def _side(size: Any) -> int:
    if isinstance(size, int):
        return size
    if size["height"] != size["width"]:
        raise ValueError(f"it cuts {size['height']} x {size['width']}; the spec declares square cuts only")
    return int(size["height"])


def _three(values: Any) -> tuple[float, float, float]:
    first, second, third = map(float, [values] * 3 if isinstance(values, int | float) else values)
    return first, second, third
