"""The audited images as the spec describes them."""

from __future__ import annotations

from math import isfinite
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from auditlens.spec.parts import Part
from auditlens.spec.strata import Strata

Window = tuple[float, float] | Literal["full", "file"]


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
    sample: int | None = Field(
        None, ge=1, description="Use at most this many images, in whole units, drawn by image hash."
    )
    strata: Strata | None = Field(None, description="Columns whose values split every result.")

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
        columns = [name for name in ("unit", "mask", "within", "strata") if getattr(self, name)]
        if self.folder is not None and columns:
            raise ValueError(f"a folder has no columns; {', '.join(columns)} need a manifest")
        return self
