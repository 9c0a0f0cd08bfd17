"""Which of several sets of images is audited, which a run reads, and the spec as it reads for the audited one alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditlens.errors import SpecError, nearest
from auditlens.spec.images import Data, ImageSet
from auditlens.spec.model import AuditSpec
from auditlens.spec.nodes import Fields, select
from auditlens.spec.references import names_of, text_at
from auditlens.stages.sets import SetRole, Use

SERVING: Final[Mapping[str, Use]] = {
    SetRole.OBSERVABILITY: "observability",
    SetRole.CONCEPT_EXAMPLES: "concept examples",
}
"""Roles of sets that serve whichever set is audited, and what for: every run reads them."""
AUDITED: Final = (SetRole.SEALED, SetRole.DEVELOPMENT)
"""Roles of sets that may be audited without being asked for."""


def audited_name(data: Data, chosen: str | None = None) -> str | None:
    """Name the audited set: the one that was chosen, else the sealed one, else the only one for development.

    Parameters
    ----------
    data : Data
    chosen : str, optional
        What the call (or a tier) asks for.

    Returns
    -------
    str or None
        None where the spec has one set without a name.

    Raises
    ------
    SpecError
        No such set, or several for development and none chosen.
    """
    if chosen is not None:
        return _demanded(data, chosen)
    name = default_name(data)
    if name is None and data.sets:
        names = ", ".join(one for one in data.sets if data.sets[one].role is SetRole.DEVELOPMENT)
        raise SpecError(f"data.sets: {names} are for development and none is sealed", hint="choose one with --data")
    return name


def default_name(data: Data) -> str | None:
    """The set that is audited where none is asked for: the sealed one, else the only one for development."""
    return default_of({name: one.role for name, one in data.sets.items()})


def default_of(roles: Mapping[str, str]) -> str | None:
    """The same, of the sets' roles by name."""
    sealed, developing = ([name for name, role in roles.items() if role == one] for one in AUDITED)
    names = sealed or developing
    return names[0] if len(names) == 1 else None


def is_read(name: str, role: str | None, audited: str, *, sealed: bool) -> bool:
    """Whether a run reads a set: on the sealed one all of them, to compare them; else its own and those that serve it.

    Parameters
    ----------
    name, role : str
        Of the set.
    audited : str
        The set that the run audits.
    sealed : bool
        Whether that is the sealed one.
    """
    return sealed or name == audited or role in SERVING


def asked_set(root: Fields, tier: str | None = None, data: str | None = None) -> str | None:
    """Name the set that a call asks for by itself or by its tier; None where it leaves it to the roles."""
    return data if data is not None else text_at(root, "tiers", tier or "", "data")


def roles_of(root: Fields) -> dict[str, str]:
    """List the sets of a document with their roles as they are written; a set without a role is left out."""
    found = ((str(path[-1]), text_at(one, "role")) for path, one in select(root, ("data", "sets", "*")))
    return {name: role for name, role in found if role is not None}


def unread_sets(root: Fields, tier: str | None = None, data: str | None = None) -> frozenset[str]:
    """Name the sets that a call does not read, whose files need not be here.

    There are none where the call asks for no set: what is audited by default may be the sealed one. A call of a tier
    that is not there reads nothing.
    """
    asked, roles = asked_set(root, tier, data), roles_of(root)
    if tier is not None and tier not in names_of(root, "tiers"):
        return frozenset(roles)
    if asked is None:
        return frozenset()
    sealed = roles.get(asked) == SetRole.SEALED
    return frozenset(name for name, role in roles.items() if not is_read(name, role, asked, sealed=sealed))


def audited_sets(root: Fields, tier: str | None = None, data: str | None = None) -> frozenset[str]:
    """Name the sets that a call may audit: the one it asks for, else the default one and those of the tiers.

    Where nothing is the default, each set for development may be asked for.
    """
    asked, roles = asked_set(root, tier, data), roles_of(root)
    if asked is not None:
        return frozenset({asked})
    own = default_of(roles)
    tiers = (text_at(one, "data") for _, one in select(root, ("tiers", "*")))
    each = [name for name, role in roles.items() if role == SetRole.DEVELOPMENT] if own is None else [own]
    return frozenset((*each, *(name for name in tiers if name is not None)))


def _demanded(data: Data, chosen: str) -> str:
    if not data.sets:
        raise SpecError(f"there is no set {chosen!r}: the spec has one set of images, and no data.sets")
    if chosen not in data.sets:
        raise SpecError(
            f"data.sets has no set {chosen!r}; valid are {', '.join(data.sets)}{nearest(chosen, data.sets)}"
        )
    return chosen


def single(data: Data, name: str) -> Data:
    """Write one of the sets as if it were the only one; the strata are those of the audited images."""
    one = data.sets[name]
    fields = {field: getattr(one, field) for field in ImageSet.model_fields}
    return Data.model_construct(**fields, strata=data.strata, forbidden_overlap=data.forbidden_overlap)


def audited_spec(spec: AuditSpec, chosen: str | None = None) -> AuditSpec:
    """Read the spec for its audited set alone, so that `spec.data` is what is measured; see `audited_name`.

    Raises
    ------
    SpecError
    """
    name = audited_name(spec.data, chosen)
    return spec if name is None else spec.model_copy(update={"data": single(spec.data, name)})


def kept_variables(spec: AuditSpec, variables: Mapping[str, str]) -> dict[str, str]:
    """Leave out the variable that holds the salt: no file of a run keeps it."""
    declared = spec.data.forbidden_overlap
    salt = declared.salt.get_secret_value() if declared is not None and declared.salt is not None else None
    return {name: value for name, value in sorted(variables.items()) if value != salt}
