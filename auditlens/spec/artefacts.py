"""How an artefact is put into an image, one type per kind, told apart by `kind`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from auditlens.spec.doses import Dose as Dose


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

Pictures = tuple[str, ...] | str

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

    masks: str | None = Field(
        None,
        description="Folder of masks of the artefact: an image whose mask (same stem) is not empty is not clean; one "
        "without a mask is.",
    )
    score: str | None = Field(
        None,
        description="Concept with example images or a column: images without a flag whose alignment with it lies above "
        "the threshold that tells its examples best are not clean.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> CleanBy:
        if self.masks is None and self.score is None:
            raise ValueError("clean_by needs masks, a score, or both")
        return self


class Removal(BaseModel):
    """Masks that say where the artefact lies in images that have it, so that it can be taken out."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    masks: str = Field(description="Folder of the masks, one per image, named as the image (same stem).")
    cleaned: bool = Field(
        True, description="Keep the largest piece of a mask, its gaps closed; false: the whole mask, as it is."
    )
    margin: float = Field(
        0.03, ge=0, le=0.2, description="How far beyond the mask is filled, as a share of the image's short side."
    )
    max_area: float = Field(0.4, gt=0, le=0.5, description="Largest share of the image that may be filled.")


class ArtefactDefaults(BaseModel):
    """What may stand for every artefact, as `artefacts.defaults`; an artefact says otherwise where it needs to."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    clean_of: tuple[str, ...] = Field((), description="Further columns that must be 0 in the images used.")
    sham: Literal["texture", "none"] = Field(
        "texture", description="Control with the same place, size and pixel energy but no content."
    )
    placement: Literal["border", "anywhere", "corner", "full"] = Field("border", description="Where it may lie.")
    avoid: Literal["lesion_mask", "relevance", "centre", "nothing"] = Field(
        "centre", description="What it must not cover."
    )
    scale: Range = Field((0.8, 1.2), description="Size factor, drawn uniformly; 1 is the natural size.")
    opacity: ShareRange = Field((1.0, 1.0), description="Opacity, drawn uniformly.")
    only: dict[str, Annotated[tuple[str | float, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Columns with the values to which the artefact applies; images with another value, or none, are "
        "left out and counted.",
    )
    reason: str = Field("", description="Why it applies to these values `only`; stands in the report.")

    @model_validator(mode="after")
    def _reason_has_its_rule(self) -> ArtefactDefaults:
        if self.reason and not self.only:
            raise ValueError("reason says why `only` leaves images out, and there is no `only`")
        return self


class ArtefactBase(ArtefactDefaults):
    """What all artefacts share."""

    label: str = Field("", description="Plain words for the report; the name by default.")
    column: str | None = Field(
        None, description="0/1 column that says where the artefact is present; only clean images are used."
    )
    source: str = Field("", description="Where the artefact or its pictures come from.")
    clean_by: CleanBy | None = Field(None, description="What else says that an image already has the artefact.")
    dose: Dose | None = Field(None, description="Levels at which the test is repeated: dose and response.")
    removal: Removal | None = Field(None, description="Masks by which it is taken out of the images that have it.")


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
    images: Pictures = Field(description="Folder(s) or file pattern(s) of the pictures.")
    format: Literal["rgba", "with_without", "ink_on_white", "auto"] = Field(
        description="rgba: alpha channel; with_without: pairs `*_with_*`/`*_without_*`, their difference is added; "
        "ink_on_white: picture - 255 is added; auto: each picture by its name and content, sub-folders too."
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


class Background(ArtefactBase):
    """Replace what lies outside of the lesion's mask by the background of another picture."""

    kind: Literal["background"]
    images: Pictures | None = Field(None, description="Folder(s) or file pattern(s) of background pictures.")
    own_data: bool = Field(
        False, description="Take the skin of other images of the data instead, with their lesion erased by its mask."
    )
    n_instances: int = Field(24, ge=1, le=200, description="How many images of the data are taken as backgrounds.")
    margin: float = Field(
        0.02, ge=0, le=0.2, description="What is kept around the mask, as a share of the image's short side."
    )
    feather: float = Field(
        0.05, gt=0, le=0.3, description="Width of the soft edge beyond it, as a share of the image's short side."
    )
    avoid: Literal["lesion_mask"] = Field("lesion_mask", description="The lesion always stays as it is.")
    placement: Literal["full"] = Field("full", description="The background always fills the image.")
    scale: Range = Field((1.0, 1.25), description="Enlargement of the background, drawn uniformly; at least 1.")

    @model_validator(mode="after")
    def _one_origin(self) -> Background:
        if (self.images is None) == (not self.own_data):
            raise ValueError("a background needs either images, or own_data: true")
        return self


class Python(ArtefactBase):
    """Call a Python function that puts the artefact in."""

    kind: Literal["python"]
    function: str = Field(pattern=r"^[\w.]+:\w+$", description="`module:function`.", examples=["my_artefacts:stamp"])
    n_instances: int = Field(12, ge=1, le=500, description="How many instances the function can draw, from 0 on.")
    arguments: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of the function.")
    import_path: str | None = Field(None, description="Folder put on the import path for the function.")
    extent: Literal["place", "colour", "detail"] = Field(
        "place",
        description="What it changes, which decides the sham: a place, or the whole image's colour or detail.",
    )


class Swap(BaseModel):
    """Colours of which group of images go where."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    column: str = Field(description="Column whose values are the groups, such as site or device.")
    from_: str | float | None = Field(None, alias="from", description="Group whose images are changed; all by default.")
    to: str | float | None = Field(None, description="Group whose colours they get; every other one by default.")
    n_draws: int = Field(6, ge=1, le=50, description="Instances per pair of groups: sets of reference images.")
    n_references: int = Field(
        40, ge=2, le=200, description="Reference images of each group in a set, drawn with replacement."
    )


class ColourProfile(ArtefactBase):
    """Give the image the colours of another device: of another group of the data, or by an ICC profile."""

    kind: Literal["colour_profile"]
    swap: Swap | None = Field(None, description="Between groups of the data's images.")
    profiles: Pictures | None = Field(None, description="ICC profiles: folder(s) or file pattern(s).")
    direction: Literal["written_by", "read_as"] = Field(
        "written_by",
        description="Of `profiles`. written_by: the numbers that the device would write for the same colours; read_as: "
        "the image's numbers taken for those of the device.",
    )
    placement: Literal["full"] = Field("full", description="The whole image always changes.")
    avoid: Literal["nothing"] = Field("nothing", description="The whole image always changes.")

    @model_validator(mode="after")
    def _one_origin(self) -> ColourProfile:
        if (self.swap is None) == (self.profiles is None):
            raise ValueError("a colour profile needs either swap, or profiles")
        return self


class Transplant(ArtefactBase):
    """Take the artefact from labelled example images, by a concept activation vector of the audited model (F.2.3)."""

    kind: Literal["transplant"]
    examples: str | None = Field(
        None, description="Folder of images with the artefact; by default the data's images with 1 in `column`."
    )
    without: str | None = Field(
        None, description="Folder of images without it; by default the data's images with 0 in `column`."
    )
    layer: str | None = Field(
        None, description="Examined layer whose activations tell the artefact; the last one by default."
    )
    n_instances: int = Field(24, ge=1, le=200, description="The best-scored examples, at most one of each unit.")
    blur: int = Field(
        41, ge=1, le=223, description="Kernel of the Gaussian blur: pixels (odd) where the shorter side has 224."
    )
    power: float = Field(0.6, gt=0, le=10, description="Exponent of the mask; below 1 it lifts low values.")
    least_auroc: float = Field(
        0.7,
        ge=0.5,
        lt=1,
        description="The AUROC of images with against without the artefact must have its lower bound above this.",
    )

    @field_validator("blur")
    @classmethod
    def _odd(cls, blur: int) -> int:
        if blur % 2 == 0:
            raise ValueError("a kernel has a middle: write an odd number of pixels")
        return blur

    @model_validator(mode="after")
    def _both_sides(self) -> Transplant:
        if self.column is None and (self.examples is None or self.without is None):
            raise ValueError("give `column`, or folders for both `examples` and `without`")
        return self


Drawn = Rendered | GelBubble | Reflection | Tube | Collimator | Frame | Inscribed
"""What is drawn by the tool from designs of a seed."""
Acquired = Jpeg | Blur | ColourCast
"""What the way of the picture into the file does to the whole of it."""

Artefact = Annotated[
    Tint | HueShift | Overlay | Cutout | Drawn | Acquired | Background | Python | ColourProfile | Transplant,
    Field(discriminator="kind"),
]
