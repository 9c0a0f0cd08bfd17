"""What of a spec runs: its gates by class, artefact, name or tag, with what they require and nothing else.

A gate is selected where it fits one value of every key that `--select` names, and no value that `--exclude` names.
Preconditions (`required_by`) of a selected gate come along, whatever else was said: it could not hold without them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from auditlens.errors import AuditLensError, nearest
from auditlens.plan.gates import gate_id, preconditions_of, required_for, targets_of
from auditlens.spec.load import LoadedSpec
from auditlens.spec.metrics import METRIC_RULES
from auditlens.spec.model import AuditSpec, Gate, Waiver
from auditlens.spec.sets import audited_name, audited_spec, default_name

KEYS: Final = ("class", "artefact", "gate", "tag")
Target = tuple[str | None, str | None]
"""Artefact and concept of one of the gates that a gate of the spec stands for."""


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
    look = _Look(spec, tuple(classes))
    look.demand_values(selection)
    kept = {
        name: [target for target in look.targets(name) if look.fits(name, target, selection)] for name in spec.gates
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
    look = _Look(spec, tuple(classes))
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


@dataclass(frozen=True, slots=True)
class _Look:
    """The gates of a spec as a selection sees them."""

    spec: AuditSpec
    classes: tuple[str, ...]

    @property
    def default_class(self) -> str | None:
        """Class of gates that name none."""
        point = self.spec.operating_point
        if point is not None:
            return point.class_
        return next(iter(self.spec.classes), self.classes[-1] if self.classes else None)

    def class_of(self, name: str) -> str | None:
        """Class that a gate is about; None where only the model could tell."""
        return self.spec.gates[name].class_ or self.default_class

    def targets(self, name: str) -> list[Target]:
        """What a gate is repeated for."""
        return list(targets_of(self.spec, self.spec.gates[name], self.class_of(name) or ""))

    def values(self, name: str, target: Target) -> dict[str, set[str | None]]:
        """What a selection may call one gate, by key."""
        gate = self.spec.gates[name]
        return {
            "class": {self.class_of(name)},
            "artefact": {target[0]},
            "gate": {name, gate_id(name, gate, *target)},
            "tag": set(gate.tags),
        }

    def fits(self, name: str, target: Target, selection: Selection) -> bool:
        """Whether one gate is selected and not excluded."""
        found = self.values(name, target)
        return all(found[key] & set(values) for key, values in selection.select.items()) and not any(
            found[key] & set(values) for key, values in selection.exclude.items()
        )

    def demand_values(self, selection: Selection) -> None:
        """Refuse values that nothing in the spec has."""
        valid = self._known_values()
        for option, wanted in (("--select", selection.select), ("--exclude", selection.exclude)):
            for key, values in wanted.items():
                for value in values:
                    if value not in valid[key]:
                        raise SelectionError(f"{option} {key}={value}: {_no_value(key, value, valid[key])}")

    def _known_values(self) -> dict[str, tuple[str, ...]]:
        found = [self.values(name, target) for name in self.spec.gates for target in self.targets(name)]
        named = {key: [value for row in found for value in sorted(filter(None, row[key]))] for key in KEYS}
        named["class"] = [*self.classes, *self.spec.classes, *named["class"]]
        named["artefact"] = [*self.spec.artefacts]
        named["gate"] = [*self.spec.gates, *named["gate"]]
        return {key: tuple(dict.fromkeys(values)) for key, values in named.items()}

    def gates(self, kept: Mapping[str, list[Target]]) -> dict[str, Gate]:
        """Narrow the selected gates to what was selected of them, and add what they require, in the spec's order."""
        preconditions = preconditions_of(self.spec)
        wanted, queue = set(kept), list(kept)
        while queue:
            further = [name for name in required_for(queue.pop(), preconditions) if name not in wanted]
            wanted |= set(further)
            queue += further
        needed = {other for name in wanted for other in required_for(name, preconditions)}
        return {
            name: self._narrowed(name, self.targets(name) if name in needed else kept[name])
            for name in self.spec.gates
            if name in wanted
        }

    def _narrowed(self, name: str, targets: list[Target]) -> Gate:
        """Write the class into the gate, since fewer classes may change the default, and what it is repeated for."""
        gate = self.spec.gates[name].model_copy(update={"class_": self.class_of(name)})
        if gate.each is None or targets == self.targets(name):
            return gate
        place = 0 if gate.each.artefact is not None else 1
        values = tuple(target[place] for target in targets)
        each = gate.each.model_copy(update={("artefact", "concept")[place]: values})
        return gate.model_copy(update={"each": each})


def _no_value(key: str, value: str, valid: tuple[str, ...]) -> str:
    if not valid:
        return f"the spec has no {key} to select by"
    shown = ", ".join(valid[:12]) + (", ..." if len(valid) > 12 else "")
    return f"there is no {key} {value!r}; valid are {shown}{nearest(value, valid)}"


def reduced(spec: AuditSpec, gates: Mapping[str, Gate], left_out: Iterable[str] = ()) -> AuditSpec:
    """Return the spec with these gates and without what none of them reads.

    Parameters
    ----------
    left_out : iterable of str
        Artefacts that are put in only where a gate names them.
    """
    named = {target for name, gate in gates.items() for target, _ in targets_of(spec, gate, gate.class_ or "")}
    metrics: set[str] = {gate.metric for gate in gates.values()}
    if any(METRIC_RULES[metric].needs_foundation for metric in metrics):
        named |= {concept.artefact for concept in spec.concepts.values()} - set(left_out)
    artefacts = {
        name: artefact.model_copy(update={"dose": None}) for name, artefact in spec.artefacts.items() if name in named
    }
    audited = {gate.class_ for gate in gates.values()}
    return spec.model_copy(
        update={
            "gates": dict(gates),
            "artefacts": artefacts,
            "concepts": {
                name: concept if concept.artefact in artefacts else concept.model_copy(update={"artefact": None})
                for name, concept in spec.concepts.items()
            },
            "classes": {name: rule for name, rule in spec.classes.items() if name in audited},
            "vocabulary": None,
            "change": None,
            "baselines": spec.baselines if any(gate.against for gate in gates.values()) else {},
            "opinions": (),
            "examine": spec.examine.model_copy(update={"ablation_images": 0}),
            "challenge": _challenge(spec, metrics),
            "waivers": tuple(waiver for waiver in spec.waivers if _may_cover(waiver, gates, artefacts)),
        }
    )


def _may_cover(waiver: Waiver, gates: Mapping[str, Gate], artefacts: Collection[str]) -> bool:
    """Whether a waiver can be about a gate that runs; the others are not unused, they were not looked at."""
    if waiver.finding is not None:
        return waiver.metric in {gate.metric for gate in gates.values()}
    return (waiver.gate or "").partition("[")[0] in gates and waiver.artefact in (None, *artefacts)


def _challenge(spec: AuditSpec, metrics: set[str]) -> Any:
    """Leave out the tests that no gate reads."""
    unread: dict[str, Any] = {"response_images": 0, "combinations": None}
    if "lesion_erased_auroc" not in metrics:
        unread["erased_images"] = 0
    if "mediated_share" not in metrics:
        unread["mediation_images"] = 0
    plain = spec.challenge.separability.model_copy(update={"images": None, "backgrounds": 0, "combined": ()})
    return spec.challenge.model_copy(update={**unread, "separability": plain})
