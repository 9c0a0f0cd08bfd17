"""What is legal in a spec and still doubtful: each is a warning, and with `validate --strict` an error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from auditlens.spec.load import LoadedSpec
from auditlens.spec.metrics import METRIC_RULES, OTHER, parse_direction
from auditlens.spec.model import AuditSpec, Gate, is_multi_label
from auditlens.spec.nodes import Path, Problems
from auditlens.spec.selection import concepts_of

SOON: Final = timedelta(days=30)
CLEAN: Final = ("sensitivity", "specificity", "auroc")
"""Metrics of the clean images, which a constant model does not hold."""
Doubt = tuple[Path, str]


def note_doubts(loaded: LoadedSpec, today: date, problems: Problems) -> None:
    """Note everything doubtful, where it stands.

    Entries of included files are not looked at, since a library brings more than one spec uses.

    Parameters
    ----------
    loaded : LoadedSpec
    today : date
        What waivers expire against.
    problems : Problems
        Takes the warnings.
    """
    spec, own = loaded.spec, str(loaded.path)
    found = (*_model(spec), *_data(spec), *_foundations(spec), *_classes(spec), *_concepts(spec), *_artefacts(spec))
    for path, sentence in (*found, *_gates(spec), *_waivers(spec, today)):
        at = loaded.locate(path)
        if at.file == own or path[0] not in ("concepts", "artefacts"):
            problems.add(at, path, sentence, "warning")


def _model(spec: AuditSpec) -> Iterator[Doubt]:
    model = spec.model
    if spec.operating_point is None and not is_multi_label(model.output):
        yield ("decision",), "no operating point is declared, so the highest probability decides; a device has one"
    if model.architecture is not None and model.weights is None and _is_library(model.architecture):
        yield ("model", "weights"), "no weights are named, so an untrained network is audited"
    if model.weights is not None and model.sha256 is None:
        yield ("model", "weights"), "the weights are not pinned by `sha256`"
    if model.released is not None and model.released.sha256 is None:
        yield ("model", "released", "file"), "the file is not pinned by `released.sha256`"


def _is_library(architecture: str) -> bool:
    return architecture.startswith(("torchvision:", "timm:"))


def _data(spec: AuditSpec) -> Iterator[Doubt]:
    sets = [(("data",), spec.data), *((("data", "sets", name), one) for name, one in spec.data.sets.items())]
    for path, one in sets:
        if one.manifest is not None and one.unit is None:
            yield (*path, "unit"), "no column names the patient or lesion, so each image counts as a unit of its own"
    sealed = any(one.role == "sealed" for one in spec.data.sets.values())
    lock = spec.protocol.lock if spec.protocol is not None else None
    if lock is None and (sealed or spec.protocol is not None):
        yield ("protocol", "lock"), "no lock fixes the spec before the run, so its verdict is exploratory"


def _foundations(spec: AuditSpec) -> Iterator[Doubt]:
    named = [(("foundation",), spec.foundation), *((("opinions", n), part) for n, part in enumerate(spec.opinions))]
    for path, part in named:
        if part is not None and part.sha256 is None:
            yield (*path, "model"), "the foundation model is not pinned by `sha256`"


def _classes(spec: AuditSpec) -> Iterator[Doubt]:
    gated = {name for gate in spec.gates.values() for name in _classes_of(spec, gate)}
    for name in spec.classes:
        if name not in gated:
            yield ("classes", name), "no gate is about this class"


def _classes_of(spec: AuditSpec, gate: Gate) -> set[str]:
    """Classes that a gate is about; without any, all that have a rule."""
    point = spec.operating_point
    named = {name for name in (gate.class_, gate.true_class) if name is not None}
    if gate.direction is not None:
        named |= _sides(gate.direction, spec)
    if "class" in METRIC_RULES[gate.metric].takes and gate.class_ is None and point is not None:
        named |= {point.class_}
    return named or set(spec.classes)


def _sides(direction: str, spec: AuditSpec) -> set[str]:
    names = spec.model.classes if isinstance(spec.model.classes, tuple) else tuple(spec.classes)
    try:
        return set(parse_direction(direction, names)) - {OTHER, ""}
    except ValueError:  # the classes stand in a file
        return set()


def _concepts(spec: AuditSpec) -> Iterator[Doubt]:
    used = _used_concepts(spec)
    spurious = {name for rule in spec.classes.values() for name in concepts_of(spec, rule.spurious)}
    for name, concept in spec.concepts.items():
        if name not in used:
            yield ("concepts", name), "no class, gate or artefact speaks of this concept"
        if name in spurious and concept.artefact is None and name not in spec.artefacts:
            if concept.not_assessable is not None:
                yield ("concepts", name), "spurious, with neither a probe nor an `artefact`: nothing looks for it"
            else:
                yield ("concepts", name), "spurious, and no `artefact` puts it in: only the inside can speak of it"


def _used_concepts(spec: AuditSpec) -> set[str]:
    used = {
        name
        for rule in spec.classes.values()
        for name in concepts_of(spec, (*rule.valid, *rule.spurious, *rule.contested))
    }
    for gate in spec.gates.values():
        each = gate.each.concept if gate.each is not None else None
        used |= {gate.concept or "", *(each if isinstance(each, tuple) else ())}
    scores = (artefact.clean_by.score for artefact in spec.artefacts.values() if artefact.clean_by is not None)
    return used | {score for score in scores if score is not None}


def _artefacts(spec: AuditSpec) -> Iterator[Doubt]:
    gated: set[str] = set()
    for gate in spec.gates.values():
        each = gate.each.artefact if gate.each is not None else None
        gated |= set(spec.artefacts) if each == "all" else {gate.artefact or "", *(each or ())}
    for name in spec.artefacts:
        if name not in gated:
            yield ("artefacts", name), "no gate limits what this artefact may do"


def _gates(spec: AuditSpec) -> Iterator[Doubt]:
    for name, gate in spec.gates.items():
        absent = [field for field in ("rationale", "risk_id") if not getattr(gate, field)]
        if absent:
            yield ("gates", name), f"the gate has no {' and no '.join(absent)}"
    tested = [gate for gate in spec.gates.values() if gate.metric not in CLEAN and gate.metric != "observability"]
    if tested and not any(gate.metric in CLEAN and gate.required_by for gate in spec.gates.values()):
        yield (
            ("gates",),
            "no gate on clean images is a precondition (`required_by`), and a constant model holds every artefact gate",
        )


def _waivers(spec: AuditSpec, today: date) -> Iterator[Doubt]:
    for number, waiver in enumerate(spec.waivers):
        if waiver.expires < today:
            yield ("waivers", number, "expires"), f"the waiver has expired on {waiver.expires}: it accepts nothing"
        elif waiver.expires - today <= SOON:
            yield ("waivers", number, "expires"), f"the waiver expires on {waiver.expires}, within {SOON.days} days"
