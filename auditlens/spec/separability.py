"""What the separability test looks at beside the images of the artefact tests."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from auditlens.spec.parts import Name, Part


class Separability(Part):
    """Images with spurious features only, beside other classes' images with an artefact put in, which cost nothing."""

    images: str | dict[Name, str] | None = Field(
        None,
        description="Folder of real images that show a spurious feature, not the class; or one per feature, by name.",
    )
    backgrounds: int = Field(
        0, ge=0, description="Images per class whose lesion is erased before each artefact goes in; 0: none."
    )
    combined: Literal["all"] | tuple[str, ...] = Field((), description="Artefacts that go into one image, or `all`.")
    combined_images: int = Field(100, ge=1, description="Images per class into which the combined artefacts go.")
