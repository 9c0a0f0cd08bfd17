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
Width = Annotated[float, Field(ge=0.005, le=0.25)]
WidthRange = Annotated[tuple[Width, Width], AfterValidator(_ordered)]
Count = Annotated[int, Field(ge=1, le=40)]
CountRange = Annotated[tuple[Count, Count], AfterValidator(_ordered)]
N_Sides = Annotated[int, Field(ge=1, le=4)]
SidesRange = Annotated[tuple[N_Sides, N_Sides], AfterValidator(_ordered)]
Quality = Annotated[int, Field(ge=1, le=95)]
QualityRange = Annotated[tuple[Quality, Quality], AfterValidator(_ordered)]
Softness = Annotated[float, Field(gt=0, le=0.1)]
SoftnessRange = Annotated[tuple[Softness, Softness], AfterValidator(_ordered)]

WRITABLE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -.,:/_+\N{COPYRIGHT SIGN}"
"""Characters that can be drawn; small letters are drawn as capitals."""


def _writable(text: str) -> str:
    wrong = sorted({character for character in text if character.upper() not in WRITABLE})
    if wrong or not text.strip():
        said = f"{text!r} has characters that cannot be drawn: {' '.join(wrong)}" if wrong else "a text is empty"
        raise ValueError(f"{said}; valid are letters A to Z, digits and {' '.join(WRITABLE[37:])}")
    return text


Text = Annotated[str, Field(max_length=40), AfterValidator(_writable)]


class CleanBy(BaseModel):
    """What, besides columns, says that an image already has the artefact."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    score: str | None = Field(
        None,
        description="Concept with example images or a column: images without a flag whose alignment with it lies above "
        "the threshold that tells its examples best are not clean.",
    )


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
    clean_by: CleanBy | None = Field(None, description="What else says that an image already has the artefact.")


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

    kind: Literal["ruler", "band_aid", "hair", "ink", "dark_corner", "gel_border", "logo"]
    n_instances: int = Field(24, ge=1, le=500, description="How many different instances are drawn from the seed.")


class GelBubble(ArtefactBase):
    """Draw bubbles in immersion gel."""

    kind: Literal["gel_bubble"]
    n_instances: int = Field(24, ge=1, le=500, description="How many different instances are drawn from the seed.")
    n_bubbles: CountRange = Field((1, 8), description="Number of bubbles.")


class Reflection(ArtefactBase):
    """Draw white reflections of a lamp."""

    kind: Literal["reflection"]
    n_instances: int = Field(24, ge=1, le=500, description="How many different instances are drawn from the seed.")
    n_spots: CountRange = Field((2, 12), description="Number of bright spots; for a streak, its length.")


class Tube(ArtefactBase):
    """Draw tubes, lines and leads of X-ray images."""

    kind: Literal["tube"]
    n_instances: int = Field(24, ge=1, le=500, description="How many different instances are drawn from the seed.")
    n_tubes: CountRange = Field((1, 3), description="Number of tubes.")


class Collimator(ArtefactBase):
    """Darken what the collimator's blades cover in an X-ray image."""

    kind: Literal["collimator"]
    n_instances: int = Field(24, ge=1, le=500, description="How many different instances are drawn from the seed.")
    width: WidthRange = Field((0.03, 0.12), description="Width of a blade, as a share of the shorter side.")
    n_sides: SidesRange = Field((1, 4), description="Number of sides with a blade.")


class Frame(ArtefactBase):
    """Draw a frame around the image."""

    kind: Literal["frame"]
    n_instances: int = Field(24, ge=1, le=500, description="How many different instances are drawn from the seed.")
    width: WidthRange = Field((0.02, 0.07), description="Width of the frame, as a share of the shorter side.")


class Inscribed(ArtefactBase):
    """Write into the image: text, a watermark, a camera's timestamp, or the side marker of an X-ray image."""

    kind: Literal["text", "watermark", "timestamp", "side_marker"]
    n_instances: int = Field(24, ge=1, le=500, description="How many different instances are drawn from the seed.")
    texts: tuple[Text, ...] = Field((), description="Texts to draw from; those of the tool by default.")


class Jpeg(ArtefactBase):
    """Compress the image as JPEG and open it again."""

    kind: Literal["jpeg"]
    n_instances: int = Field(12, ge=1, le=500, description="How many different instances are drawn from the seed.")
    quality: QualityRange = Field((10, 40), description="Quality of the compression, as Pillow counts it.")


class Blur(ArtefactBase):
    """Blur the image: out of focus, a moved camera, or a soft lens."""

    kind: Literal["blur"]
    n_instances: int = Field(12, ge=1, le=500, description="How many different instances are drawn from the seed.")
    radius: SoftnessRange = Field(
        (0.006, 0.02), description="Spread of a point (its standard deviation), as a share of the shorter side."
    )


class ColourCast(ArtefactBase):
    """Shift the colours as another scanner or camera would: a gain and a bend of the tone curve per channel."""

    kind: Literal["colour_cast"]
    n_instances: int = Field(12, ge=1, le=500, description="How many different instances are drawn from the seed.")
    strength: ShareRange = Field(
        (0.08, 0.2), description="Largest gap between the gains of two channels, as a share of the mean gain."
    )


Drawn = Rendered | GelBubble | Reflection | Tube | Collimator | Frame | Inscribed
"""What is drawn by the tool from designs of a seed."""
Acquired = Jpeg | Blur | ColourCast
"""What the way of the picture into the file does to the whole of it."""

Artefact = Annotated[Tint | HueShift | Overlay | Cutout | Drawn | Acquired, Field(discriminator="kind")]
