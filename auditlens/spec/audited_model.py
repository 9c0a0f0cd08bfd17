"""The audited model as the spec describes it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from auditlens.spec.parts import Fraction, Part, Sha256
from auditlens.stages.component_names import read_name

Output = Literal["logits", "probabilities", "single_logit", "multi_label", "multi_label_probabilities"]


def is_multi_label(output: str) -> bool:
    """Whether several classes may hold at once: each has a sigmoid and a decision of its own."""
    return output.startswith("multi_label")


class Decision(Part):
    """The operating point: the device says `class` where its probability reaches `threshold`."""

    class_: str = Field(alias="class", description="The class that the device reports (the positive class).")
    threshold: float = Field(gt=0.0, lt=1.0, description="Probability from which on the class is reported.")
    source: str = Field("", description="Where the threshold is documented.")


Side = Annotated[int, Field(ge=1, le=8192)]
"""Side of an image in pixels."""


class Preprocessing(Part):
    """What happens between the decoded image (RGB, 8 bit) and the model's input."""

    resize: Side | tuple[Side, Side] | None = Field(
        None, description="Target size; one number with mode `shortest`, or the side of a square; null keeps the size."
    )
    mode: Literal["squash", "shortest", "centre_square"] = Field(
        "squash",
        description="squash: resize both sides; shortest: shorter side, then centre crop; "
        "centre_square: crop, then resize.",
    )
    crop: Side | None = Field(None, description="Side of a centre crop after resizing (modes `shortest` and `squash`).")
    channels: Literal[1, 3] = Field(3, description="3: RGB; 1: grey (0.299 R + 0.587 G + 0.114 B).")
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = Field(
        "bilinear", description="Resampling filter."
    )
    scale: float = Field(1 / 255, gt=0, description="Factor on the 8-bit values before mean and std.")
    mean: tuple[float, ...] = Field(
        (0.0, 0.0, 0.0), description="Subtracted after scaling; one number, or one per channel."
    )
    std: tuple[float, ...] = Field(
        (1.0, 1.0, 1.0), description="Divided by after scaling; one number, or one per channel."
    )
    callable: str | None = Field(
        None,
        pattern=r"^[\w.]+:\w+$",
        description="`module:function` (PIL image -> float tensor C x H x W) instead of the fields above.",
    )
    sha256: Sha256 | None = Field(None, description="SHA-256 of the source file that the `callable` stands in.")

    @field_validator("mean", "std")
    @classmethod
    def _one_or_three(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if len(values) not in (1, 3):
            raise ValueError(f"is one number for all channels, [0.5], or three, one per channel; found {len(values)}")
        return values

    @field_validator("std")
    @classmethod
    def _divides(cls, std: tuple[float, ...]) -> tuple[float, ...]:
        if not all(value > 0 for value in std):
            raise ValueError("the standard deviation is above 0")
        return std

    @model_validator(mode="after")
    def _fits_itself(self) -> Preprocessing:
        if self.channels == 1 and any(len(set(values)) > 1 for values in (self.mean, self.std)):
            raise ValueError("a grey image has one mean and one std: write mean: [0.5]")
        if self.crop is not None and self.mode == "centre_square":
            raise ValueError("mode centre_square has no crop after resizing; the central square is cut before")
        if self.sha256 is not None and self.callable is None:
            raise ValueError("sha256 is that of the callable's source file, and there is no callable")
        return self


class ReferencePrediction(Part):
    """One input whose output is known from the deployed pipeline."""

    image: str = Field(
        description="Image file, relative to the spec or the data's root; in an included file `./NAME` is beside it."
    )
    probabilities: dict[str, Fraction] = Field(min_length=1, description="Expected probability per class.")


class Released(Part):
    """The file that ships: behaviour is measured on it, and the inside on `architecture`, its eager twin."""

    file: str = Field(description="ONNX file, TorchScript archive, or archive of torch.export.")
    format: Literal["auto", "onnx", "torchscript", "export"] = Field(
        "auto", description="Format of the file; `auto` tells it by the content."
    )
    sha256: Sha256 | None = Field(
        None,
        description="SHA-256 of the file; with ONNX weights in further files that of the lines `sha256sum` prints for "
        "the file and then for those, by name. Required for `export`.",
    )
    output_name: str | None = Field(
        None, description="Output with the scores, where there are several: a name or key, or a position from 0."
    )
    output: Output | None = Field(None, description="What the file returns; `model.output` by default.")
    input_type: Literal["auto", "float32", "float16", "float64", "uint8"] = Field(
        "auto", description="Type of the values it takes; `auto`: as the file says, else float32."
    )
    layout: Literal["auto", "channels_first", "channels_last"] = Field(
        "auto", description="Order of its input's axes; `auto`: as the file says, else channels first."
    )
    preprocessing: Preprocessing | None = Field(
        None, description="Image to the file's input; `model.preprocessing` by default."
    )
    tolerance: float = Field(
        1e-3, gt=0, lt=1, description="Largest accepted gap in probability between the file and its eager twin."
    )


class Model(Part):
    """The audited model."""

    architecture: str | None = Field(
        None,
        pattern=r"^((torchvision|timm):\S+|python:[\w.]+:\w+|huggingface:.+)$",
        description="`torchvision:NAME`, `timm:NAME`, `huggingface:FOLDER`, `huggingface:ORG/NAME@REVISION` or "
        "`python:module:factory`; with `released` its eager twin.",
        examples=["torchvision:resnet18", "timm:convnext_tiny", "python:my_models:build"],
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of the factory.")
    import_path: str | None = Field(None, description="Folder put on the import path for `python:` factories.")
    released: Released | None = Field(
        None, description="The file that ships; without `architecture` only its behaviour is audited."
    )
    weights: str | None = Field(
        None,
        description="safetensors file or state dict; `package:NAME/PATH` for one in a package; random weights without.",
    )
    sha256: Sha256 | None = Field(None, description="SHA-256 of the weights file.")
    preprocessing: Preprocessing = Field(default_factory=Preprocessing, description="Image to model input.")
    classes: tuple[str, ...] | str = Field(
        description="Class names in the order of the outputs, or a text file with one name a line."
    )
    output: Output = Field(
        "logits",
        description="What the model returns; `multi_label`: one logit per class, each with a sigmoid of its own.",
    )
    layers: str | tuple[str, ...] = Field(
        "auto",
        description="Layers to examine: names, globs such as `layer*.1`, or `auto`, the last spatial or token layer "
        "before global pooling; one, or a list.",
        examples=["auto", ["layer3", "auto"], "features.*"],
    )
    silenced: tuple[str, ...] = Field(
        (),
        description="Components set to zero in every pass, as `layer:channel`, with a minus sign behind it for the "
        "negative side of a channel that is not rectified; what `auditlens prune` writes.",
        examples=[["layer4.1:3", "layer4.1:7-"]],
    )
    decision: Decision | None = Field(None, description="The operating point (also accepted at top level).")
    reference_predictions: tuple[ReferencePrediction, ...] = Field(
        (), description="Known outputs of the deployed pipeline."
    )
    reference_tolerance: float = Field(1e-3, gt=0, lt=1, description="Largest accepted gap in probability.")

    @field_validator("layers")
    @classmethod
    def _names_or_globs(cls, layers: str | tuple[str, ...]) -> str | tuple[str, ...]:
        check_layers(layers)
        return layers

    @field_validator("silenced")
    @classmethod
    def _names_of_components(cls, silenced: tuple[str, ...]) -> tuple[str, ...]:
        names = [str(read_name(text)) for text in silenced]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0]!r} is listed twice")
        return tuple(names)

    @field_validator("classes")
    @classmethod
    def _distinct(cls, classes: tuple[str, ...] | str) -> tuple[str, ...] | str:
        if isinstance(classes, tuple):
            check_classes(classes)
        return classes

    @model_validator(mode="after")
    def _one_kind_of_decision(self) -> Model:
        output = self.released.output if self.released is not None else None
        if output is not None and is_multi_label(output) != is_multi_label(self.output):
            raise ValueError(f"`output: {self.output}` and `released.output: {output}` decide in different ways")
        return self

    @model_validator(mode="after")
    def _something_to_audit(self) -> Model:
        if self.architecture is not None:
            if self.silenced and self.released is not None:
                raise ValueError(
                    "components of the file in `released` cannot be silenced; take `released` out, so that the "
                    "eager twin alone is audited"
                )
            return self
        if self.released is None:
            raise ValueError("name an `architecture`, or the file that ships in `released`, or both")
        given = {
            "arguments": bool(self.arguments),
            "weights": self.weights is not None,
            "sha256": self.sha256 is not None,
            "layers": self.layers != "auto",
            "silenced": bool(self.silenced),
        }
        eager = [name for name, is_given in given.items() if is_given]
        if eager:
            raise ValueError(
                f"{', '.join(eager)}: these speak of the eager twin, which needs an `architecture`; "
                "the SHA-256 of the file that ships goes to `released.sha256`"
            )
        return self


def check_layers(layers: str | tuple[str, ...]) -> None:
    """Refuse what can be no layer's name and no glob: nothing, blanks, empty parts between dots, an open bracket.

    Raises
    ------
    ValueError
    """
    words = (layers,) if isinstance(layers, str) else layers
    if not words:
        raise ValueError("the list of layers is empty; write auto, or names")
    for word in words:
        if not word or re.search(r"\s", word) or "" in word.split("."):
            raise ValueError(f"{word!r} is no layer's name; names look like layer4.1, globs like layer*.1")
        if re.search(r"\[(?![^\]]+\])", word):
            raise ValueError(f"{word!r} has an open bracket; a set of letters is written [abc]")


def check_classes(classes: tuple[str, ...]) -> None:
    """Refuse a class list that no classifier has: fewer than two names, an empty one, or one that stands twice.

    Raises
    ------
    ValueError
    """
    if len(classes) < 2:
        raise ValueError("a classifier has at least two classes; for a single logit name the negative class first")
    if not all(name.strip() for name in classes):
        raise ValueError("a class name is empty")
    twice = sorted({name for name in classes if classes.count(name) > 1})
    if twice:
        raise ValueError(f"{twice[0]!r} is listed twice; class names are distinct")
