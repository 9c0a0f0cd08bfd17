"""Expand the gates of the spec: `each`, defaults and preconditions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from auditlens.errors import Location, SpecError, nearest
from auditlens.plan.baselines import each_baseline
from auditlens.plan.subgroups import apart, subgroups_of, within_subgroup
from auditlens.spec.metrics import OTHER, independent_sides, parse_direction
from auditlens.spec.model import AuditSpec, Gate, is_multi_label
from auditlens.spec.nodes import Path
from auditlens.spec.selection import concepts_of
from auditlens.stages.plan import PlannedGate
from auditlens.stages.subgroups import PlannedStrata

FLIP_METRICS = ("decision_flips", "decision_flips_beyond_sham")


def expand_gates(
    spec: AuditSpec,
    classes: tuple[str, ...],
    default_class: str,
    locate: Callable[[str], str | None] = lambda name: None,
    strata: PlannedStrata | None = None,
) -> tuple[PlannedGate, ...]:
    """One planned gate per gate, artefact, concept, subgroup and baseline.

    Parameters
    ----------
    spec : AuditSpec
    classes : tuple of str
        The model's classes.
    default_class : str
        Class of gates that name none.
    locate : callable
        Gate name -> `file:line:col`.
    strata : PlannedStrata or None
        Subgroups of the data.

    Raises
    ------
    SpecError
        A direction that does not name two classes, a subgroup that no image is in, or no gate at all.
    """
    expanded = {
        name: [
            compared
            for artefact, concept in targets_of(spec, gate, gate.class_ or default_class)
            for planned in (_planned(name, gate, artefact, concept, classes, default_class, locate(name)),)
            for subgroup in subgroups_of(gate, planned, strata)
            for compared in each_baseline(within_subgroup(planned, gate, subgroup, strata), gate)
        ]
        for name, gate in spec.gates.items()
    }
    if not any(expanded.values()):
        raise SpecError("no gate is left to decide; an audit without gates cannot hold", hint="add a gate")
    if is_multi_label(spec.model.output):
        _demand_one_class(planned for group in expanded.values() for planned in group)
    preconditions = preconditions_of(spec)
    return tuple(
        planned.model_copy(update={"requires": _requires(planned, preconditions, expanded)})
        for group in expanded.values()
        for planned in group
    )


def targets_of(spec: AuditSpec, gate: Gate, class_name: str) -> Iterator[tuple[str | None, str | None]]:
    """Artefact and concept of each gate that a gate of the spec stands for."""
    each = gate.each
    if each is not None and each.artefact is not None:
        artefacts = tuple(spec.artefacts) if each.artefact == "all" else tuple(dict.fromkeys(each.artefact))
        yield from ((artefact, gate.concept) for artefact in artefacts)
    elif each is not None and each.concept is not None:
        yield from ((gate.artefact, concept) for concept in _each_concept(spec, each.concept, class_name))
    else:
        yield gate.artefact, gate.concept


def _each_concept(spec: AuditSpec, chosen: str | tuple[str, ...], class_name: str) -> tuple[str, ...]:
    if isinstance(chosen, str):
        rule = spec.classes.get(class_name)
        return concepts_of(spec, getattr(rule, chosen)) if rule is not None else ()
    return concepts_of(spec, chosen)


def _planned(
    name: str,
    gate: Gate,
    artefact: str | None,
    concept: str | None,
    classes: tuple[str, ...],
    default_class: str,
    location: str | None,
) -> PlannedGate:
    source, target = _direction(name, gate, classes, gate.class_ or default_class)
    return PlannedGate(
        id=gate_id(name, gate, artefact, concept),
        name=name,
        metric=gate.metric,
        class_name=gate.class_ or default_class,
        artefact=artefact,
        concept=concept,
        from_class=source,
        to_class=target,
        true_class=gate.true_class,
        relation=gate.relation,
        bound=gate.bound,
        severity=gate.severity,
        confidence=gate.confidence,
        rationale=gate.rationale,
        risk_id=gate.risk_id,
        location=location,
        clause=gate.clause,
        tags=gate.tags,
        layer=gate.layer,
        worst_subgroup=gate.worst_subgroup,
    )


def gate_id(name: str, gate: Gate, artefact: str | None, concept: str | None) -> str:
    """`name`, or `name[artefact]` where the gate is repeated."""
    suffix = artefact if gate.each and gate.each.artefact else concept if gate.each and gate.each.concept else None
    return f"{name}[{suffix}]" if suffix else name


def _direction(name: str, gate: Gate, classes: tuple[str, ...], class_name: str) -> tuple[str | None, str | None]:
    if gate.metric not in FLIP_METRICS:
        return None, None
    try:
        return parse_direction(gate.direction or "", classes, class_name)
    except ValueError as error:
        known = ", ".join((*classes, OTHER)[:12])
        raise SpecError(
            f"gates.{name}.direction: {gate.direction!r} does not name two classes; "
            f"write A_to_B with A and B among {known}"
        ) from error


def demand_layers(spec: AuditSpec, layers: tuple[str, ...], locate: Callable[[Path], Location]) -> None:
    """Refuse a gate of a layer that is not examined; where nothing inside is, it will not be evaluated.

    Raises
    ------
    SpecError
    """
    for name, gate in spec.gates.items():
        if gate.layer is not None and layers and gate.layer not in layers:
            path = ("gates", name, "layer")
            said = (
                f"the layer {gate.layer!r} is not examined; valid are {', '.join(layers)}{nearest(gate.layer, layers)}"
            )
            raise SpecError(f"{'.'.join(path)}: {said}", location=locate(path))


def _demand_one_class(gates: Iterable[PlannedGate]) -> None:
    """Refuse `A_to_B` where A and B do not exclude each other."""
    for gate in gates:
        if gate.from_class is not None and OTHER not in (gate.from_class, gate.to_class):
            said = independent_sides(gate.from_class, gate.to_class or OTHER)
            raise SpecError(f"gates.{gate.name}.direction: {said}")


def _requires(
    gate: PlannedGate, preconditions: Mapping[str, str | tuple[str, ...]], expanded: dict[str, list[PlannedGate]]
) -> tuple[str, ...]:
    name = gate.name
    needed = required_for(name, preconditions)
    return tuple(
        planned.id for required in needed for planned in expanded[required] if not apart(planned.within, gate.within)
    )


def preconditions_of(spec: AuditSpec) -> dict[str, str | tuple[str, ...]]:
    """Gates that others require, and which."""
    return {name: gate.required_by for name, gate in spec.gates.items() if gate.required_by}


def required_for(name: str, preconditions: Mapping[str, str | tuple[str, ...]]) -> tuple[str, ...]:
    """Names of the gates that must hold for a gate to hold.

    Parameters
    ----------
    name : str
    preconditions : mapping of gate to gates
        What each precondition is required by; `all` stands for every gate that is no precondition itself.
    """
    return tuple(
        required
        for required, dependants in preconditions.items()
        if required != name and (name in dependants or (dependants == "all" and name not in preconditions))
    )
