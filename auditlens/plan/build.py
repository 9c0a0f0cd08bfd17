"""Put together the plan from the spec and from what was found on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from auditlens.errors import SpecError, nearest
from auditlens.plan.baselines import change_gates
from auditlens.plan.gates import expand_gates
from auditlens.plan.subgroups import chosen_strata
from auditlens.spec.model import AuditSpec
from auditlens.stages.plan import AuditPlan, Method, PlannedData, PlannedFoundation, PlannedModel
from auditlens.stages.protocol import ProtocolState

OF_COMPONENTS = (
    "concept examples per component",
    "pooling",
    "components that are cropped",
    "alignment is decided at",
)
"""Settings that shape nothing where no layer is examined."""


def build_plan(
    spec: AuditSpec,
    *,
    spec_sha256: str,
    model: PlannedModel,
    data: PlannedData,
    foundation: PlannedFoundation | None,
    methods: Iterable[Method],
    batch_size: int,
    n_threads: int,
    device: str,
    locate: Callable[[str], str | None] = lambda name: None,
    opinions: tuple[PlannedFoundation, ...] = (),
    user_code: tuple[str, ...] = (),
    tier: str | None = None,
    selection: tuple[str, ...] = (),
    protocol: ProtocolState | None = None,
) -> AuditPlan:
    """Resolve classes and gates, and check that the spec fits the model.

    Raises
    ------
    SpecError
        A class of the spec that the model does not have, or no gate.
    """
    audited = audited_classes(spec, model.classes)
    return AuditPlan(
        spec_sha256=spec_sha256,
        model=model,
        data=data,
        foundation=foundation,
        audited_classes=audited,
        gates=(
            *expand_gates(spec, model.classes, model.decision_class, locate, data.strata),
            *change_gates(spec, model.decision_class, locate),
        ),
        artefacts=tuple(spec.artefacts),
        methods=(
            *methods,
            *(row for row in thresholds(spec) if model.layers or row.name not in OF_COMPONENTS),
            *chosen_strata(data.strata),
        ),
        seed=spec.seed,
        batch_size=batch_size,
        n_threads=n_threads,
        device=device,
        opinions=opinions,
        user_code=user_code,
        tier=tier,
        selection=selection,
        protocol=protocol,
    )


def audited_classes(spec: AuditSpec, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Classes that have a rule; else the decision's class; else the last class of the model.

    Raises
    ------
    SpecError
        A class that the model does not have.
    """
    wanted = tuple(spec.classes) or (decision_class(spec, classes),)
    for name in wanted:
        if name not in classes:
            raise SpecError(
                f"classes.{name}: the model has no such class{nearest(name, classes)}; "
                f"valid are {', '.join(classes[:12])}{', ...' if len(classes) > 12 else ''}"
            )
    return wanted


def decision_class(spec: AuditSpec, classes: tuple[str, ...]) -> str:
    """The class that the device reports: declared, else the first audited, else the model's last."""
    if spec.operating_point is not None:
        name = spec.operating_point.class_
        if name not in classes:
            raise SpecError(f"decision.class: the model has no class {name!r}{nearest(name, classes)}")
        return name
    return next(iter(spec.classes), classes[-1])


def _floor_words(floor: float | str) -> str:
    return "1 % or 5/components of |relevance|" if floor == "auto" else f"{100 * float(floor):g} % of |relevance|"


WEIGHTS = {"equal": "all counting the same", "activation": "weighted by their activation (D.4.3)"}
"""How concept examples count, in words."""


def _per_unit(spec: AuditSpec) -> str:
    unit = spec.data.unit
    return f", at most one image per {unit}" if unit is not None and spec.examine.one_per_unit else ""


def _made_by_the_model(spec: AuditSpec) -> tuple[Method, ...]:
    """Artefacts whose pictures follow from the audited model, and so are not the same for another one."""
    ways = {
        "is taken from example images by the model": [
            name for name, a in spec.artefacts.items() if a.kind == "transplant"
        ],
        "avoids what the model looks at (the smallest region with 80 % of the positive relevance)": [
            name for name, a in spec.artefacts.items() if a.avoid == "relevance"
        ],
    }
    return tuple(
        Method(name="pictures that depend on the model", value=", ".join(names), reason=f"each {way}")
        for way, names in ways.items()
        if names
    )


def thresholds(spec: AuditSpec) -> tuple[Method, ...]:
    """Every setting that shapes a decision, as it was used."""
    examine, challenge = spec.examine, spec.challenge
    return (
        Method(
            name="concept examples per component",
            value=f"{examine.n_examples}{_per_unit(spec)}, {WEIGHTS[examine.example_weights]}",
            reason="the method's paper uses 30, and 20 for small test sets (3.1, Fig. D.6)",
        ),
        Method(name="pooling", value=examine.pooling, reason="mean labels slightly better than max (Tab. D.3)"),
        Method(
            name="components that are cropped",
            value=f"{_floor_words(examine.relevance_floor)}, at most {examine.max_components}",
            reason="relevance first, crops after; all other components are judged by whole images (F.1.1, D.5)",
        ),
        Method(
            name="alignment is decided at",
            value=f"z > {examine.z_threshold:g} against matched random image sets",
            reason="the paper's raw score is above zero for almost any set of images; it is shown beside z",
        ),
        Method(
            name="a concept is observable from",
            value=f"AUROC with lower bound above {examine.observability_limit:g}, and its own flag beats all others",
            reason="an alignment with something the foundation model cannot see is no evidence (Note I)",
        ),
        Method(
            name="artefact images",
            value=f"{challenge.max_images_per_class} per class at most, {challenge.instances_per_image} instance(s)",
            reason="drawn by image hash, so that every model sees the same pictures",
        ),
        *_made_by_the_model(spec),
        Method(
            name="intervals",
            value=f"{challenge.n_draws} bootstrap draws over patients and artefact instances; exact for rates",
            reason="images of one patient, and one cut-out, are not independent",
        ),
    )
