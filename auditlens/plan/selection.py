"""What of a spec runs: its gates by class, artefact, name or tag, with what they require and nothing else.

A gate is selected where it fits one value of every key that `--select` names, and no value that `--exclude` names.
Preconditions (`required_by`) of a selected gate come along, whatever else was said: it could not hold without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from auditlens.errors import AuditLensError, nearest
from auditlens.plan.reduced import reduced
from auditlens.plan.selectable import KEYS, SelectableGates
from auditlens.spec.load import LoadedSpec
from auditlens.spec.metrics import METRIC_RULES
from auditlens.spec.model import AuditSpec
from auditlens.spec.sets import audited_name, audited_spec, default_name


class SelectionError(AuditLensError):
    """A selection that cannot be read, names nothing of the spec, or leaves no gate."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What `--select` and `--exclude` say.

    Attributes
    ----------
    select, exclude : mapping of key to values
    words : tuple of str
        As they were written, for the record.
    """

    select: Mapping[str, tuple[str, ...]]
    exclude: Mapping[str, tuple[str, ...]]
    words: tuple[str, ...] = ()

    @classmethod
    def parse(cls, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> Selection:
        """Read `KEY=VALUE[,VALUE]` entries; the same key twice adds its values.

        Raises
        ------
        SelectionError
            An entry of another form, or an unknown key.
        """
        words = (*(f"--select {text}" for text in select), *(f"--exclude {text}" for text in exclude))
        return cls(_by_key("--select", select), _by_key("--exclude", exclude), words)

    def __bool__(self) -> bool:
        """Whether anything is left out at all."""
        return bool(self.select or self.exclude)


EVERYTHING: Final = Selection({}, {})
"""No selection at all."""


def _by_key(option: str, entries: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        key, sign, text = entry.partition("=")
        values = tuple(value.strip() for value in text.split(",") if value.strip())
        if not sign or not values:
            raise SelectionError(f"{option} {entry}: write KEY=VALUE[,VALUE], with KEY one of {', '.join(KEYS)}")
        if key not in KEYS:
            raise SelectionError(
                f"{option} {entry}: there is no key {key!r}; valid are {', '.join(KEYS)}{nearest(key, KEYS)}"
            )
        found[key] = (*found.get(key, ()), *values)
    return found


def selected(spec: AuditSpec, selection: Selection, classes: Sequence[str] = ()) -> AuditSpec:
    """Return the spec with the selected gates, what they require, and what both need to be measured.

    Parameters
    ----------
    spec : AuditSpec
    selection : Selection
        An empty one changes nothing.
    classes : sequence of str
        The model's classes, where they are known: the last is that of gates that name none, if nothing else tells.

    Raises
    ------
    SelectionError
        A value that nothing in the spec has, or no gate left.
    """
    if not selection:
        return spec
    look = SelectableGates(spec, tuple(classes))
    _demand_values(look, selection)
    kept = {
        name: [target for target in look.targets(name) if look.fits(name, target, selection.select, selection.exclude)]
        for name in spec.gates
    }
    kept = {name: targets for name, targets in kept.items() if targets}
    if not kept:
        raise SelectionError(
            f"no gate fits {' '.join(selection.words)}; nothing is run, since zero gates are never green"
        )
    return reduced(spec, look.gates(kept), selection.exclude.get("artefact", ()))


def in_tier(spec: AuditSpec, name: str, classes: Sequence[str] = ()) -> AuditSpec:
    """Return the spec as a tier runs it: its sample of the images, its gates and what they require.

    Raises
    ------
    SelectionError
        There is no such tier.
    """
    if name not in spec.tiers:
        valid = f"valid are {', '.join(spec.tiers)}" if spec.tiers else "the spec has no tiers"
        raise SelectionError(f"--tier {name}: there is no such tier; {valid}{nearest(name, spec.tiers)}")
    tier = spec.tiers[name]
    if tier.sample is not None:
        spec = spec.model_copy(update={"data": spec.data.model_copy(update={"sample": tier.sample})})
    if not tier.gates:
        return spec
    look = SelectableGates(spec, tuple(classes))
    wanted = [key for key, gate in spec.gates.items() if key in tier.gates or set(gate.tags) & set(tier.gates)]
    return reduced(spec, look.gates({key: look.targets(key) for key in wanted}))


@dataclass(frozen=True, slots=True)
class Chosen:
    """A spec as it runs: in a tier, and with what was selected of that.

    Attributes
    ----------
    loaded : LoadedSpec
        Its `spec` holds what runs; text, hash and places are those of the whole.
    whole : AuditSpec
        What was written.
    tier : str or None
    selection : tuple of str
        As it was written; empty where everything runs.
    data : str or None
        The audited set of `data.sets`, where there are several.
    default_data : str or None
        The set that is audited where nothing else is asked for; None where something must be.
    """

    loaded: LoadedSpec
    whole: AuditSpec
    tier: str | None = None
    selection: tuple[str, ...] = ()
    data: str | None = None
    default_data: str | None = None

    @property
    def suffix(self) -> str:
        """What tells its run folder from that of the whole spec; empty for the whole spec."""
        digest = sha256("\n".join(self.selection).encode()).hexdigest()[:6] if self.selection else None
        data = self.data if self.data != self.default_data else None
        return "".join(f"-{part}" for part in (self.tier, data, digest) if part)

    @property
    def reads_inside(self) -> bool:
        """Whether anything that runs looks inside the model; a whole spec always does."""
        spec = self.loaded.spec
        return not (self.tier or self.selection) or (
            any(METRIC_RULES[gate.metric].needs_foundation for gate in spec.gates.values())
            or any(part.kind == "transplant" or part.avoid == "relevance" for part in spec.artefacts.values())
        )


def choose(loaded: LoadedSpec, selection: Selection, tier: str | None = None, data: str | None = None) -> Chosen:
    """Restrict a loaded spec to one set of images, to a tier, and that to a selection.

    Parameters
    ----------
    loaded : LoadedSpec
    selection : Selection
    tier : str, optional
    data : str, optional
        The set to audit, where the tier names none; see `auditlens.spec.sets.audited_name`.

    Raises
    ------
    SelectionError
        An unknown tier or value, or no gate left.
    SpecError
        An unknown set, or none that is audited by default.
    """
    whole = loaded.spec
    name = audited_name(whole.data, _asked(whole, tier, data))
    spec = audited_spec(whole, name)
    spec = in_tier(spec, tier, loaded.classes) if tier is not None else spec
    spec = selected(spec, selection, loaded.classes)
    return Chosen(replace(loaded, spec=spec), whole, tier, selection.words, name, default_name(whole.data))


def _asked(spec: AuditSpec, tier: str | None, data: str | None) -> str | None:
    """The set that the call or its tier asks for."""
    named = spec.tiers[tier].data if tier in spec.tiers else None
    if named is not None and data is not None and data != named:
        raise SelectionError(f"--data {data}: the tier {tier} audits the set {named!r}; leave --data out")
    return named if data is None else data


def _demand_values(gates: SelectableGates, selection: Selection) -> None:
    """Refuse values that nothing in the spec has."""
    valid = gates.known_values()
    for option, wanted in (("--select", selection.select), ("--exclude", selection.exclude)):
        for key, values in wanted.items():
            for value in values:
                if value not in valid[key]:
                    raise SelectionError(f"{option} {key}={value}: {_no_value(key, value, valid[key])}")


def _no_value(key: str, value: str, valid: tuple[str, ...]) -> str:
    if not valid:
        return f"the spec has no {key} to select by"
    shown = ", ".join(valid[:12]) + (", ..." if len(valid) > 12 else "")
    return f"there is no {key} {value!r}; valid are {shown}{nearest(value, valid)}"
