"""The audited images as the spec describes them."""

from __future__ import annotations

from math import isfinite
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from auditlens.spec.overlap import ForbiddenOverlap
from auditlens.spec.parts import Name, Part
from auditlens.spec.strata import Strata
from auditlens.stages.sets import SetRole

Window = tuple[float, float] | Literal["full", "file"]


class GeneratedData(Part):
    """Images made by a Python function when the audit runs."""

    factory: str = Field(
        pattern=r"^[\w.]+:\w+$",
        description="`module:function` that writes images and a manifest into a folder and returns its path.",
    )
    arguments: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of the function.")


SOURCES = ("folder", "manifest", "generate")


class ImageSet(Part):
    """Labelled images: a folder, a manifest, or a generator."""

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
    sample: int | None = Field(
        None, ge=1, description="Use at most this many images, in whole units, drawn by image hash."
    )

    @field_validator("window")
    @classmethod
    def _opens(cls, window: Window | None) -> Window | None:
        if isinstance(window, tuple) and not (window[0] < window[1] and all(map(isfinite, window))):
            raise ValueError("write [low, high] with low below high")
        return window

    def objection(self) -> str | None:
        """Say what keeps these fields from naming one source of images; None where nothing does."""
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            return f"give exactly one of folder, manifest, generate; found {', '.join(given) or 'none'}"
        columns = [name for name in ("unit", "mask", "within", "strata") if getattr(self, name, None)]
        if self.folder is not None and columns:
            return f"a folder has no columns; {', '.join(columns)} need a manifest"
        return None


class DataSet(ImageSet):
    """One of several sets of images, with its role."""

    role: SetRole = Field(
        strict=False,
        description="sealed: the test set, audited by default; development: audited where a run asks for it; "
        "observability: its columns show whether the foundation model sees the concepts; concept_examples: the "
        "components' concept examples come from it, and it is audited where a run asks for it.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> DataSet:
        if why := self.objection():
            raise ValueError(why)
        return self


class Data(ImageSet):
    """The labelled images the audit runs on: a folder, a manifest, a generator, or several sets with roles."""

    strata: Strata | None = Field(None, description="Columns of the audited images whose values split every result.")
    sets: dict[Name, DataSet] = Field(
        default_factory=dict, description="Sets with roles, instead of one folder, manifest or generator."
    )
    forbidden_overlap: ForbiddenOverlap | None = Field(
        None, description="What the audited images must not share with training data and other sets."
    )

    @model_validator(mode="after")
    def _one_source_or_sets(self) -> Data:
        why = self.objection() if not self.sets else self._beside_sets() or roles_objection(self.sets)
        if why:
            raise ValueError(why)
        return self

    def _beside_sets(self) -> str | None:
        """Fields of a single set that stand beside `sets`."""
        beside = [
            name
            for name, info in ImageSet.model_fields.items()
            if getattr(self, name) != info.get_default(call_default_factory=True)
        ]
        verb = "stands" if len(beside) == 1 else "stand"
        return f"{', '.join(beside)} {verb} beside sets; write it inside each set" if beside else None


def roles_objection(sets: dict[str, DataSet]) -> str | None:
    """Say why these roles do not fit together; None where they do."""
    by_role = {role: [name for name, one in sets.items() if one.role is role] for role in SetRole}
    for role, names in by_role.items():
        if role is not SetRole.DEVELOPMENT and len(names) > 1:
            return f"{' and '.join(names)} both have the role {role}; one set has it"
    if not (by_role[SetRole.SEALED] or by_role[SetRole.DEVELOPMENT]):
        return "no set can be audited; one needs the role sealed or development"
    return None
