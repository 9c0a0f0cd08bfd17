"""Which of several sets of images is audited, and the spec as it reads for that set alone."""

from __future__ import annotations

from collections.abc import Mapping

from auditlens.errors import SpecError, nearest
from auditlens.spec.images import Data, ImageSet
from auditlens.spec.model import AuditSpec
from auditlens.stages.sets import SetRole


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
    by_role = {role: [name for name, one in data.sets.items() if one.role is role] for role in SetRole}
    names = by_role[SetRole.SEALED] or by_role[SetRole.DEVELOPMENT]
    return names[0] if len(names) == 1 else None


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
