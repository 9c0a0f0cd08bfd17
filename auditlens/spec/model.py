"""AuditSpec: what the user wrote, as strict frozen types. The JSON Schema is generated from these."""

from __future__ import annotations

import re
from datetime import date
from math import isfinite
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from auditlens.spec.artefacts import Artefact
from auditlens.stages.states import Severity

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=80)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Output = Literal["logits", "probabilities", "single_logit", "multi_label", "multi_label_probabilities"]
Window = tuple[float, float] | Literal["full", "file"]
CLOSED = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def is_multi_label(output: str) -> bool:
    """Whether several classes may hold at once: each has a sigmoid and a decision of its own."""
    return output.startswith("multi_label")


class Part(BaseModel):
    """A part of the spec: frozen, strict, closed to unknown keys."""

    model_config = CLOSED


class Audit(Part):
    """Who audits what, for which use."""

    id: str = Field(min_length=1, description="Identifier of the audit, as your quality system numbers it.")
    version: str = Field("1", description="Version of this spec.")
    title: str = Field("Shortcut audit", description="Title on the first page.")
    intended_use: str = Field("", description="Intended use of the audited device, as its documentation states it.")
    owner: str = Field("", description="Person who answers for this spec.")
    risk_ids: tuple[str, ...] = Field((), description="Risks of the risk file that this audit speaks to.")


class Decision(Part):
    """The operating point: the device says `class` where its probability reaches `threshold`."""

    class_: str = Field(alias="class", description="The class that the device reports (the positive class).")
    threshold: float = Field(gt=0.0, lt=1.0, description="Probability from which on the class is reported.")
    source: str = Field("", description="Where the threshold is documented.")


class Preprocessing(Part):
    """What happens between the decoded image (RGB, 8 bit) and the model's input."""

    resize: int | tuple[int, int] | None = Field(
        None, description="Target size; one number with mode `shortest`, or the side of a square; null keeps the size."
    )
    mode: Literal["squash", "shortest", "centre_square"] = Field(
        "squash",
        description="squash: resize both sides; shortest: shorter side, then centre crop; "
        "centre_square: crop, then resize.",
    )
    crop: int | None = Field(
        None, ge=1, description="Side of a centre crop after resizing (modes `shortest` and `squash`)."
    )
    channels: Literal[1, 3] = Field(3, description="3: RGB; 1: grey (0.299 R + 0.587 G + 0.114 B).")
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = Field(
        "bilinear", description="Resampling filter."
    )
    scale: float = Field(1 / 255, gt=0, description="Factor on the 8-bit values before mean and std.")
    mean: tuple[float] | tuple[float, float, float] = Field(
        (0.0, 0.0, 0.0), description="Subtracted after scaling; one number, or one per channel."
    )
    std: tuple[float] | tuple[float, float, float] = Field(
        (1.0, 1.0, 1.0), description="Divided by after scaling; one number, or one per channel."
    )
    callable: str | None = Field(
        None,
        pattern=r"^[\w.]+:\w+$",
        description="`module:function` (PIL image -> float tensor C x H x W) instead of the fields above.",
    )

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
        return self


class ReferencePrediction(Part):
    """One input whose output is known from the deployed pipeline."""

    image: str = Field(description="Image file, relative to the spec or to the data's root.")
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
            return self
        if self.released is None:
            raise ValueError("name an `architecture`, or the file that ships in `released`, or both")
        given = {
            "arguments": bool(self.arguments),
            "weights": self.weights is not None,
            "sha256": self.sha256 is not None,
            "layers": self.layers != "auto",
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


class GeneratedData(Part):
    """Images made by a Python function when the audit runs."""

    factory: str = Field(
        pattern=r"^[\w.]+:\w+$",
        description="`module:function` that writes images and a manifest into a folder and returns its path.",
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of the function.")


class Data(Part):
    """The labelled images the audit runs on: a folder, a manifest, or a generator."""

    folder: str | None = Field(None, description="Folder with one subfolder per class.")
    manifest: str | None = Field(None, description="CSV or Parquet table with one row per image.")
    generate: GeneratedData | None = Field(None, description="A function that writes the images and their manifest.")
    root: str | None = Field(
        None, description="Folder that image paths are relative to; the manifest's folder by default."
    )
    image: str = Field("image", description="Column with the image path.")
    label: str = Field("label", description="Column with the label.")
    unit: str | None = Field(
        None, description="Column that names the patient or lesion; images of one unit count as one."
    )
    mask: str | None = Field(None, description="Column with the lesion mask's path.")
    within: tuple[str, ...] = Field((), description="Columns (diagnosis, site) within which observability is measured.")
    label_map: dict[str, str] = Field(default_factory=dict, description="Label in the table -> class of the model.")
    window: Window | None = Field(
        None,
        description="How values of more than 8 bits become 8: [low, high], `full` (the whole range of the bits), or "
        "`file` (the window that a DICOM file names).",
    )
    sample: int | None = Field(None, ge=1, description="Use at most this many images, drawn by image hash.")

    @field_validator("window")
    @classmethod
    def _opens(cls, window: Window | None) -> Window | None:
        if isinstance(window, tuple) and not (window[0] < window[1] and all(map(isfinite, window))):
            raise ValueError("write [low, high] with low below high")
        return window

    @model_validator(mode="after")
    def _one_source(self) -> Data:
        given = [name for name in ("folder", "manifest", "generate") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of folder, manifest, generate; found {', '.join(given) or 'none'}")
        columns = [name for name in ("unit", "mask", "within") if getattr(self, name)]
        if self.folder is not None and columns:
            raise ValueError(f"a folder has no columns; {', '.join(columns)} need a manifest")
        return self


class Foundation(Part):
    """The model that gives the semantic space: a text-image model, or an encoder without words."""

    model: str = Field(
        min_length=1,
        description="open_clip name (`ViT-B-32`), `hf-hub:ORG/NAME`, `local-dir:FOLDER`, or `timm:NAME` (no words).",
    )
    pretrained: str | None = Field(
        None, description="open_clip pretrained tag or weights file, for plain names; weights file, for `timm:NAME`."
    )
    image_size: int | None = Field(
        None, ge=14, description="Side of the input in pixels, for `timm:NAME`; the model's own by default."
    )
    sha256: Sha256 | None = Field(None, description="SHA-256 of the weights file.")
    templates: Literal["paper", "dermoscopy"] | tuple[str, ...] = Field(
        "paper", description="Prompt templates with `{}`; `paper` are those of the method's paper (H.1)."
    )
    training_overlap: Literal["none", "some", "unknown"] = Field(
        "unknown", description="Whether the foundation model was trained on the audited images."
    )
    training_note: str = Field("", description="What is known about that, for the report.")

    @model_validator(mode="after")
    def _timm_has_its_file(self) -> Foundation:
        encoder = self.model.startswith("timm:")
        if encoder and self.pretrained is None:
            raise ValueError("timm:NAME needs pretrained with a weights file")
        if self.image_size is not None and not encoder:
            raise ValueError("image_size is for timm:NAME; other models come with their size")
        return self


class Assumption(Part):
    """A recorded belief that the foundation model sees a concept, with somebody who answers for it."""

    owner: str = Field(min_length=1, description="Who answers for the assumption.")
    reason: str = Field(min_length=1, description="Why it is believed.")


ProbeSource = Literal["auto", "text", "images", "mean", "cav"]


class Concept(Part):
    """Something the model may look at."""

    group: str | None = Field(None, description="Group, such as ABCDE/A; `group:ABCDE` selects all below it.")
    texts: tuple[str, ...] = Field((), description="Words and paraphrases; averaged into one probe.")
    images: str | None = Field(None, description="Folder with example images of the concept.")
    column: str | None = Field(None, description="0/1 column of the data that says where the concept is present.")
    value: str | None = Field(
        None, min_length=1, description="Value of the column that means present, for columns such as site = A, B or C."
    )
    probe: ProbeSource = Field(
        "auto",
        description="What the probe is made from: text, images, or the column by its mean embedding or a concept "
        "activation vector (cav); auto: texts and images where given, else cav.",
    )
    artefact: str | None = Field(None, description="Artefact of this spec whose insertion shows the concept.")
    not_assessable: str | None = Field(None, description="Why this concept cannot be assessed here.")
    assume_observable: Assumption | None = Field(None, description="A recorded assumption instead of a measurement.")
    owner: str = Field("", description="Who answers for the entry.")
    source: str = Field("", description="Where the words come from.")

    @model_validator(mode="after")
    def _has_evidence(self) -> Concept:
        if not (self.texts or self.images or self.column or self.not_assessable):
            raise ValueError("a concept needs texts, images, a column, or not_assessable with a reason")
        return self

    @model_validator(mode="after")
    def _probe_has_its_source(self) -> Concept:
        needs = {"text": "texts", "images": "images", "mean": "column", "cav": "column"}.get(self.probe)
        if needs is not None and not getattr(self, needs):
            raise ValueError(f"probe: {self.probe} needs {needs}")
        if self.value is not None and self.column is None:
            raise ValueError("value needs a column")
        return self

    @property
    def flag(self) -> str | None:
        """The labelled column as the samples know it: the column, or `column=value`."""
        return self.column if self.column is None or self.value is None else f"{self.column}={self.value}"


class ClassRule(Part):
    """What the model may and must not use for one class: concept names or `group:NAME`."""

    valid: tuple[str, ...] = Field((), description="Concepts the model may use.")
    spurious: tuple[str, ...] = Field((), description="Concepts the model must not use.")
    contested: tuple[str, ...] = Field((), description="Concepts on which experts differ; a reader decides.")


class Vocabulary(Part):
    """Words with parent categories that the components of every layer are described by; no gate reads it."""

    categories: dict[str, tuple[str, ...]] = Field(
        min_length=1, description="Words by parent category; a word stands once."
    )
    threshold: float = Field(
        0.025,
        ge=-2,
        le=2,
        description="Raw alignment from which on the paper's rule labels: 0.025 in D.3, 0.01 in D.5.",
    )

    @field_validator("categories")
    @classmethod
    def _words_stand_once(cls, categories: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        words = [word for listed in categories.values() for word in listed]
        if not words or not all(word.strip() for word in words):
            raise ValueError("a vocabulary needs words, and none of them empty")
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise ValueError(f"{twice[0]!r} is listed twice; a label has one parent category")
        return categories

    @property
    def words(self) -> tuple[str, ...]:
        """All words, category by category."""
        return tuple(word for listed in self.categories.values() for word in listed)


class Controls(Part):
    """Negative controls of the semantic space."""

    unrelated: tuple[str, ...] = Field(
        ("guitar", "bicycle", "banana", "keyboard", "castle", "sailing boat"),
        description="Words that should label nothing; how often they do is reported.",
    )


class Examine(Part):
    """Settings of the examination; each default is shown in the report."""

    n_examples: int = Field(20, ge=2, le=200, description="Concept examples per component (m).")
    one_per_unit: bool = Field(
        True, description="At most one image of each unit (patient) among a component's examples: its highest."
    )
    pooling: Literal["mean", "max"] = Field("mean", description="How an activation map becomes one number.")
    example_weights: Literal["equal", "activation"] = Field(
        "equal", description="How much each concept example counts in a component's embedding (D.4.3)."
    )
    relevance_floor: Literal["auto"] | Fraction = Field(
        "auto",
        description="Share of |relevance| from which on a component's examples are cropped; auto: 1 % or 5/components.",
    )
    max_components: int = Field(
        40, ge=1, description="At most so many components per class and layer are cropped; the rest: whole images."
    )
    attributor: Literal["auto", "lrp", "attnlrp", "gradient_x_activation", "integrated_gradients"] = Field(
        "auto", description="How relevance is computed."
    )
    crops: Literal["auto", "crp", "activation", "none"] = Field("auto", description="How concept examples are cropped.")
    crop_threshold: Fraction = Field(0.01, description="Keep what has at least this share of the highest attribution.")
    z_threshold: float = Field(
        3.0, gt=0, description="z against matched random image sets from which on a component is labelled."
    )
    ablation_images: int = Field(
        100, ge=0, description="Images per class on which components are silenced; 0 switches ablation off."
    )
    observability_limit: Fraction = Field(
        0.7, description="The AUROC's lower bound must exceed this for a concept to be observable."
    )


class Challenge(Part):
    """Settings of the artefact tests."""

    max_images_per_class: int = Field(300, ge=1, description="Images per class into which each artefact is put.")
    instances_per_image: int = Field(1, ge=1, le=8, description="Different instances put into each image.")
    n_draws: int = Field(10_000, ge=1_000, description="Bootstrap draws behind an interval.")
    n_pairs: int = Field(4, ge=0, le=12, description="Example pairs shown per artefact and class.")


Metric = Literal[
    "sensitivity",
    "specificity",
    "auroc",
    "decision_flips",
    "decision_flips_beyond_sham",
    "artefact_effect",
    "effect_minus_sham",
    "spurious_relevance_share",
    "unexpected_relevance_share",
    "observability",
]
METRICS: tuple[str, ...] = get_args(Metric)
LIMIT = re.compile(r"^(<=|>=|within)\s*([0-9]*\.?[0-9]+)$")


def check_limit(text: str) -> str:
    """Refuse a limit that is not `<= x`, `>= x` or `within x` with x in [0, 1].

    Raises
    ------
    ValueError
    """
    match = LIMIT.fullmatch(text)
    if not match:
        raise ValueError("write '<= x', '>= x' or 'within x', with x a plain number such as 0.02")
    if float(match.group(2)) > 1:
        raise ValueError("every metric is a share or a probability; write 2 % as 0.02")
    return text


class Each(Part):
    """Repeat a gate for several artefacts or concepts."""

    artefact: Literal["all"] | tuple[str, ...] | None = Field(None, description="Artefacts, or `all`.")
    concept: Literal["valid", "spurious"] | tuple[str, ...] | None = Field(
        None, description="Concepts, or all that are `valid` or `spurious` for the class."
    )

    @model_validator(mode="after")
    def _repeats_over_one(self) -> Each:
        given = [value for value in (self.artefact, self.concept) if value]
        if len(given) != 1:
            raise ValueError("repeat a gate over artefacts or over concepts, one of the two")
        return self


class Gate(Part):
    """A claim with a limit fixed before the run."""

    metric: Metric = Field(description="What is measured.")
    limit: str = Field(
        description="`<= x`, `>= x` or `within x` (two-sided), x between 0 and 1: 2 % is 0.02.",
        examples=["<= 0.02", ">= 0.9", "within 0.03"],
    )
    class_: str | None = Field(None, alias="class", description="Class; the decision's class by default.")
    artefact: str | None = Field(None, description="Artefact, for metrics of the artefact tests.")
    concept: str | None = Field(None, description="Concept, for `observability`.")
    direction: str | None = Field(
        None, description="`A_to_B`: images of class A that the device gets right and then calls B."
    )
    true_class: str | None = Field(None, description="For effects: only images of this class (all images by default).")
    each: Each | None = Field(None, description="Repeat the gate.")
    severity: Severity = Field(
        Severity.ERROR, description="error: decides the exit code; warn: only with --fail-on warn.", strict=False
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence of the interval that decides.")
    required_by: Literal["all"] | tuple[str, ...] = Field(
        (), description="Gates that cannot hold unless this one does, or `all` others."
    )
    rationale: str = Field("", description="Why this limit.")
    risk_id: str | None = Field(None, description="Risk that the gate controls.")

    @field_validator("limit")
    @classmethod
    def _limit_parses(cls, text: str) -> str:
        return check_limit(text)

    @property
    def relation(self) -> str:
        """`<=`, `>=` or `within`."""
        return self._match.group(1)

    @property
    def bound(self) -> float:
        """The number of the limit."""
        return float(self._match.group(2))

    @property
    def _match(self) -> re.Match[str]:
        match = LIMIT.match(self.limit)
        assert match is not None  # the validator has seen it
        return match


class Waiver(Part):
    """A failing gate that somebody accepts for a while, within a bound, for one model."""

    gate: str = Field(description="The gate.")
    artefact: str | None = Field(None, description="Artefact, where the gate is repeated.")
    bound: str = Field(description="The waiver holds only while the estimate is inside this bound, such as `<= 0.08`.")
    model_sha256: Sha256 = Field(description="The weights, or the file that ships, that it is for.")
    owner: str = Field(min_length=1, description="Who asks.")
    approved_by: str = Field(min_length=1, description="The second person.")
    reason: str = Field(min_length=1, description="Why.")
    expires: date = Field(description="Last day, as 2027-03-31.", strict=False)
    risk_id: str | None = Field(None, description="Risk.")

    @field_validator("bound")
    @classmethod
    def _bound_parses(cls, text: str) -> str:
        return check_limit(text)


class Report(Part):
    """How the report looks."""

    languages: tuple[Literal["en"], ...] = Field(("en",), description="Languages.")
    prepared_by: str = Field("", description="Name for the signature block.")
    n_components: int = Field(12, ge=1, le=60, description="Components shown per class.")


class AuditSpec(Part):
    """A whole audit: what the model may use, what it must not, and which limits decide."""

    auditlens: Literal[1] = Field(description="Version of the spec format.")
    include: tuple[str, ...] = Field(
        (),
        description="Libraries or files that this spec builds on.",
        examples=[["auditlens/concepts/abcde", "auditlens/artefacts/dermoscopy"]],
    )
    audit: Audit = Field(description="Identity of the audit.")
    model: Model = Field(description="The audited model.")
    data: Data = Field(description="The images.")
    foundation: Foundation | None = Field(None, description="The text-image model; without it the inside has no words.")
    opinions: tuple[Foundation, ...] = Field(
        (), description="Further foundation models that label the same crops, to compare; the verdict keeps the first."
    )
    concepts: dict[Name, Concept] = Field(default_factory=dict, description="Concepts by name.")
    classes: dict[str, ClassRule] = Field(default_factory=dict, description="Rule per audited class.")
    vocabulary: Vocabulary | None = Field(None, description="Words that describe what the components encode.")
    controls: Controls = Field(default_factory=Controls, description="Negative controls.")
    decision: Decision | None = Field(None, description="The operating point.")
    artefacts: dict[Name, Artefact] = Field(default_factory=dict, description="Artefacts by name.")
    examine: Examine = Field(default_factory=Examine, description="Settings of the examination.")
    challenge: Challenge = Field(default_factory=Challenge, description="Settings of the artefact tests.")
    gates: dict[Name, Gate] = Field(default_factory=dict, description="Gates by name.")
    waivers: tuple[Waiver, ...] = Field((), description="Accepted failures.")
    report: Report = Field(default_factory=Report, description="Report settings.")
    seed: int = Field(0, ge=0, description="Seed of everything that is drawn.")

    @model_validator(mode="after")
    def _opinions_are_second(self) -> AuditSpec:
        if self.opinions and self.foundation is None:
            raise ValueError("opinions are compared with foundation, and there is none")
        return self

    @property
    def operating_point(self) -> Decision | None:
        """The declared decision, wherever it was written."""
        return self.decision or self.model.decision
