"""How an artefact is put into an image, one type per kind, told apart by `kind`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _ordered(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    if pair[0] > pair[1]:
        raise ValueError(f"write the smaller end first: [{pair[1]}, {pair[0]}]")
    return pair


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, le=100)]
Channel = Annotated[int, Field(ge=0, le=255)]
Angle = Annotated[float, Field(ge=-360, le=360)]
Range = Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]
ShareRange = Annotated[tuple[Share, Share], AfterValidator(_ordered)]
AngleRange = Annotated[tuple[Angle, Angle], AfterValidator(_ordered)]


class ArtefactBase(BaseModel):
    """What all artefacts share."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    label: str = Field("", description="Plain words for the report; the name by default.")
    column: str | None = Field(
        None, description="0/1 column that says where the artefact is present; only clean images are used."
    )
    clean_of: tuple[str, ...] = Field((), description="Further columns that must be 0 in the images used.")
    sham: Literal["texture", "none"] = Field(
        "texture", description="Control with the same place, size and pixel energy but no content."
    )
    placement: Literal["border", "anywhere", "corner", "full"] = Field("border", description="Where it may lie.")
    avoid: Literal["lesion_mask", "centre", "nothing"] = Field("centre", description="What it must not cover.")
    scale: Range = Field((0.8, 1.2), description="Size factor, drawn uniformly; 1 is the natural size.")
    opacity: ShareRange = Field((1.0, 1.0), description="Opacity, drawn uniformly.")
    source: str = Field("", description="Where the artefact or its pictures come from.")


class Tint(ArtefactBase):
    """Blend every pixel with one colour: image * (1 - strength) + colour * strength (F.2.3 for red skin)."""

    kind: Literal["tint"]
    colour: tuple[Channel, Channel, Channel] = Field(description="RGB, 0 to 255.")
    strength: ShareRange = Field((0.3, 0.3), description="Share of the colour.")


class HueShift(ArtefactBase):
    """Turn the hue of every pixel."""

    kind: Literal["hue_shift"]
    degrees: AngleRange = Field(description="Angle in degrees, drawn uniformly.")


class Overlay(ArtefactBase):
    """Lay pictures of the artefact over the image."""

    kind: Literal["overlay"]
    images: tuple[str, ...] | str = Field(description="Folder(s) or file pattern(s) of the pictures.")
    format: Literal["rgba", "with_without", "ink_on_white"] = Field(
        description="rgba: alpha channel; with_without: pairs `*_with_*`/`*_without_*`, their difference is added; "
        "ink_on_white: picture - 255 is added."
    )
    reference_height: int = Field(450, ge=1, description="Height of the images that the pictures were made for.")


class Cutout(ArtefactBase):
    """Cut the artefact out of labelled images by masks, and paste it into others."""

    kind: Literal["cutout"]
    images: str = Field(description="Folder of the images.")
    masks: str = Field(description="Folder of the masks, one per image, same stem.")
    min_area: float = Field(0.01, ge=0, le=1, description="Smallest share of the image that a usable mask covers.")
    max_area: float = Field(0.5, ge=0, le=1, description="Largest share.")
    feather: float = Field(0.01, ge=0, le=0.2, description="Soft edge, as a share of the image's short side.")


class Rendered(ArtefactBase):
    """Draw the artefact with one of the tool's renderers."""

    kind: Literal["ruler", "band_aid", "hair", "ink", "dark_corner"]
    n_instances: int = Field(24, ge=1, le=500, description="How many different instances are drawn from the seed.")


Artefact = Annotated[Tint | HueShift | Overlay | Cutout | Rendered, Field(discriminator="kind")]
