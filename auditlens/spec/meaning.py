"""What concepts are, which the model may use, and which foundation model is to see them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from auditlens.spec.parts import Part, Said, Sha256


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

    owner: Said = Field(description="Who answers for the assumption.")
    reason: Said = Field(description="Why it is believed.")


ProbeSource = Literal["auto", "text", "images", "mean", "cav"]


class Concept(Part):
    """Something the model may look at."""

    group: str | None = Field(None, description="Group, such as ABCDE/A; `group:ABCDE` selects all below it.")
    texts: tuple[Said, ...] = Field((), description="Words and paraphrases; averaged into one probe.")
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
    not_assessable: Said | None = Field(None, description="Why this concept cannot be assessed here.")
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
