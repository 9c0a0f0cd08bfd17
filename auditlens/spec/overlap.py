"""Whose images must not be among the audited ones."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from auditlens.errors import AuditLensError
from auditlens.spec.nodes import Fields, Path, Problems, place
from auditlens.spec.parts import Part

SHORTEST_SALT: Final = 16
SALT: Final[Path] = ("data", "forbidden_overlap", "salt")


class ForbiddenOverlap(Part):
    """What the audited images must not share with training data and with the other sets."""

    with_: tuple[str, ...] = Field(
        (), alias="with", description="Files of salted ids, one a line, as `auditlens salt-ids` writes them."
    )
    salt: SecretStr | None = Field(
        None, description="The salt of these files, as `${env:NAME}`: at least 16 characters; no record keeps it."
    )
    column: str | None = Field(
        None, min_length=1, description="Column whose cells were salted; the set's `unit` by default."
    )
    on_overlap: Literal["fail", "report"] = Field(
        "fail", description="Whether something in common ends the run, or stands in the report only."
    )

    @field_validator("salt", mode="before")
    @classmethod
    def _salt_is_text(cls, value: Any) -> Any:
        """Refuse a salt without showing it: the usual message would."""
        if value is not None and not isinstance(value, str | SecretStr):
            raise ValueError('the salt must be text; put it in quotes: "${env:NAME}"')
        if isinstance(value, str) and len(value) < SHORTEST_SALT:
            raise ValueError(f"the salt is shorter than {SHORTEST_SALT} characters, so that ids could be guessed")
        return value

    @model_validator(mode="after")
    def _lists_need_their_salt(self) -> ForbiddenOverlap:
        if bool(self.with_) != (self.salt is not None):
            raise ValueError('with and salt belong together: lists of salted ids, and salt: "${env:NAME}"')
        return self


def check_salt(root: Fields, text: str, salt: SecretStr | None, problems: Problems) -> None:
    """Refuse a salt that stands in the spec's text, which every record keeps."""
    written = salt.get_secret_value() if salt is not None else None
    if written is not None and written in text and not written.startswith("${"):  # a variable that is not set is told
        sentence = "the salt stands here in clear, and the record keeps the spec's text; write ${env:NAME}"
        problems.add(place(root, SALT), SALT, sentence)


def salt_of(declared: ForbiddenOverlap) -> str:
    """The salt in clear, to compute with.

    Raises
    ------
    AuditLensError
        There is none.
    """
    if declared.salt is None:
        raise AuditLensError("data.forbidden_overlap has no salt")
    return declared.salt.get_secret_value()
