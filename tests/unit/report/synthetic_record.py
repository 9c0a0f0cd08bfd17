"""A whole audit made up from a seed: every state of gates, components and concepts occurs in it."""

# ruff: noqa: E501

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from auditlens.stages.findings import (
    Alignment,
    ArtefactFinding,
    ClassFinding,
    ComponentFinding,
    ConceptFinding,
    Confrontation,
    Control,
    Effect,
    Estimate,
    Example,
    Findings,
    Flip,
    NotEvaluated,
    Pair,
    Performance,
    RivalFlag,
)
from auditlens.stages.plan import AuditPlan, Method, PlannedData, PlannedFoundation, PlannedGate, PlannedModel
from auditlens.stages.record import AuditRecord, Environment
from auditlens.stages.states import ComponentState, ConceptState, ExitCode, GateState, Severity
from auditlens.stages.verdict import GateResult, Verdict
from tests.unit.report.synthetic_labelling import make_labelling

CLASSES = ("melanoma", "benign")
ARTEFACTS = {
    "ruler": ("a ruler", 0.246, 0.021),
    "ink": ("ink marks", 0.104, 0.018),
    "patch": ("a coloured patch", -0.173, 0.012),
    "red_skin": ("red skin", 0.022, 0.019),
    "hair": ("hair", 0.008, 0.006),
    "dark_corner": ("dark corners", 0.031, 0.004),
}
SPEC_TEXT = """\
auditlens: 1
audit: {id: MEL-AUD-007, version: "3.0", title: Dermoscopy melanoma classifier}
model:
  architecture: torchvision:mobilenet_v2
  weights: weights/model_1_3.safetensors
  classes: [benign, melanoma]
  layers: auto
data: {manifest: test/labels.csv, unit: patient}
decision: {class: melanoma, threshold: 0.31}
gates:
  ruler_missed:
    metric: decision_flips
    direction: melanoma_to_benign
    artefact: ruler
    limit: "<= 0.02"
    severity: error
"""


def estimate(value: float | None, half: float = 0.02, **more: Any) -> Estimate:
    """An estimate with a symmetric interval."""
    low, high = (None, None) if value is None else (round(value - half, 6), round(value + half, 6))
    return Estimate(
        value=value, low=low, high=high, **({"n": 412, "n_units": 388, "method": "crossed bootstrap-t"} | more)
    )


def rate(events: int, n: int, high: float) -> Estimate:
    value = events / n
    low = max(0.0, 2 * value - high)
    more = {"n": n, "n_units": n - n // 20, "n_instances": 9, "n_events": events, "method": "exact, crossed"}
    return Estimate(value=value, low=low, high=high, confidence=0.95, sided="one", **more)


def make_record(run_dir: Path, *, seed: int = 7, n_examples: int = 8) -> AuditRecord:
    """Make the record and put its pictures into `run_dir`."""
    artist = Artist(run_dir, seed)
    findings = make_findings(artist, np.random.default_rng(seed), n_examples)
    gates = make_gates()
    verdict = make_verdict(gates)
    return AuditRecord(
        spec=SPEC,
        spec_text=SPEC_TEXT,
        plan=make_plan(tuple(result.gate for result in gates)),
        findings=findings.model_copy(
            update={"gate_estimates": {result.gate.id: result.estimate for result in gates if result.estimate}}
        ),
        verdict=verdict,
        environment=Environment(
            auditlens="0.1.0",
            python="3.11.9",
            platform="Linux x86_64",
            packages={
                "torch": "2.13.0",
                "zennit": "0.4.6",
                "open_clip_torch": "3.2.0",
                "numpy": "2.1.3",
                "weasyprint": "70.0",
            },
        ),
        images=artist.digests,
    )


SPEC: dict[str, Any] = {
    "auditlens": 1,
    "audit": {
        "id": "MEL-AUD-007",
        "version": "3.0",
        "title": "Dermoscopy melanoma classifier",
        "intended_use": "Second reader of dermoscopy images of pigmented lesions in adults, used by dermatologists.",
        "owner": "M. Keller",
        "risk_ids": ["RM-014", "RM-022"],
    },
    "examine": {"z_threshold": 3.0, "observability_limit": 0.7},
    "report": {"prepared_by": "A. Novak", "n_components": 12},
    "artefacts": {name: {"label": label} for name, (label, _, _) in ARTEFACTS.items()},
}


# --- pictures -----------------------------------------------------------------------------------------------------


class Artist:
    """Draws small dermoscopy-like pictures into a run folder."""

    def __init__(self, run_dir: Path, seed: int) -> None:
        self.run_dir = run_dir
        self.rng = np.random.default_rng(seed + 1)
        self.digests: dict[str, str] = {}

    def draw(
        self, name: str, size: int = 96, artefact: str | None = None, blur: bool = False, seed: int | None = None
    ) -> str:
        rng = self.rng if seed is None else np.random.default_rng(seed)
        picture = lesion(rng, size)
        if artefact:
            picture = with_artefact(picture, artefact, blur)
        path = self.run_dir / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, "PNG")
        self.digests[f"images/{name}.png"] = hashlib.sha256(path.read_bytes()).hexdigest()
        return f"images/{name}.png"


def lesion(rng: np.random.Generator, size: int) -> Image.Image:
    skin = tuple(int(v) for v in np.array([224, 182, 160]) + rng.integers(-14, 14, 3))
    picture = Image.new("RGB", (size, size), skin)
    draw = ImageDraw.Draw(picture)
    centre = size / 2 + rng.uniform(-8, 8, 2)
    for shade in range(3):
        radius = size * (0.3 - 0.07 * shade) * rng.uniform(0.85, 1.15, 24)
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        points = [(centre[0] + r * np.cos(a), centre[1] + r * np.sin(a)) for r, a in zip(radius, angles, strict=True)]
        draw.polygon(points, fill=(150 - 30 * shade, 100 - 24 * shade, 76 - 18 * shade))
    return picture.filter(ImageFilter.GaussianBlur(size / 48))


def with_artefact(picture: Image.Image, artefact: str, blur: bool) -> Image.Image:
    if artefact == "ruler":
        return with_ruler(picture, blur)
    size = picture.width
    colour = {"ink": (88, 60, 140), "patch": (70, 110, 190), "hair": (40, 28, 24), "red_skin": (231, 128, 151)}
    layer = picture.copy()
    box = (int(size * 0.72), int(size * 0.1), int(size * 1.05), int(size * 0.5))
    ImageDraw.Draw(layer).ellipse(box, fill=(206, 168, 148) if blur else colour.get(artefact, (12, 10, 10)))
    return layer


def with_ruler(picture: Image.Image, blur: bool) -> Image.Image:
    size = picture.width
    strip = picture.copy()
    draw = ImageDraw.Draw(strip)
    draw.rectangle((0, size * 0.84, size, size), fill=(232, 230, 224))
    for tick in range(0, size, max(size // 16, 2)):
        draw.line((tick, size * 0.84, tick, size * (0.95 if tick % (size // 4) == 0 else 0.9)), fill=(30, 30, 34))
    if blur:
        box = (0, int(size * 0.84), size, size)
        strip.paste(strip.crop(box).filter(ImageFilter.GaussianBlur(6)), box)
    return strip


# --- findings -----------------------------------------------------------------------------------------------------


def make_findings(artist: Artist, rng: np.random.Generator, n_examples: int) -> Findings:
    components = make_components(artist, rng, n_examples)
    return Findings(
        performance=Performance(
            decision="melanoma at P >= 0.31",
            sensitivity=estimate(0.871, 0.031, n=418, n_events=364, method="Wilson over patients"),
            specificity=estimate(0.764, 0.024, n=1082, n_events=827, method="Wilson over patients"),
            auroc=estimate(0.897, 0.018, n=1500, method="logit DeLong"),
            accuracy=estimate(0.794, 0.021, n=1500, n_events=1191, method="Wilson over patients"),
            confusion={"melanoma": {"melanoma": 364, "benign": 54}, "benign": {"melanoma": 255, "benign": 827}},
        ),
        concepts=CONCEPTS,
        components=components,
        classes=tuple(make_class(name) for name in CLASSES),
        artefacts=tuple(make_artefact(artist, name, cls) for cls in CLASSES[:1] for name in ARTEFACTS),
        confrontations=CONFRONTATIONS,
        controls=CONTROLS,
        gate_estimates={},
        not_evaluated=NOT_EVALUATED,
        redundancy={"features.18": 0.71},
        **make_labelling(components),
    )


def make_class(name: str) -> ClassFinding:
    shares = {
        ComponentState.VALID: 0.214,
        ComponentState.SPURIOUS: 0.183,
        ComponentState.BOTH: 0.051,
        ComponentState.UNEXPECTED: 0.118,
        ComponentState.UNVERIFIED: 0.434,
    }
    labels = {"ruler": 0.142, "patch": 0.041, "vascular": 0.112, "pigment_network": 0.102, "jagged_border": 0.169}
    return ClassFinding(
        class_name=name,
        attributor="LRP, epsilon-plus-flat",
        n_components=1280,
        n_relevant=63,
        n_examined=40,
        share_by_state={state: estimate(share, 0.03) for state, share in shares.items()},
        share_by_concept={label: estimate(share, 0.025) for label, share in labels.items()},
        components_by_concept={"ruler": 9, "patch": 2, "vascular": 21, "pigment_network": 17, "jagged_border": 60},
        unexamined_share=estimate(0.168, 0.02),
    )


COMPONENTS = (
    ("spurious", "ruler", 0.091, 1.2, 8.4, 0.95),
    ("unverified", "jagged_border", 0.082, 5.1, 1.9, None),
    ("valid", "vascular", 0.064, 6.2, -0.7, 0.7),
    ("both", "ruler", 0.051, 4.4, 5.6, 0.6),
    ("unexpected", None, 0.047, 1.1, 0.9, None),
    ("spurious", "patch", 0.041, 0.2, 11.3, 1.0),
    ("valid", "pigment_network", 0.039, 4.0, 1.4, 0.55),
    ("unverified", "jagged_border", 0.033, 3.7, 2.2, None),
    ("spurious", "ink", 0.030, -1.0, 4.9, 0.8),
    ("unexpected", None, 0.024, 2.1, 2.4, None),
    ("valid", "vascular", 0.019, 3.4, 0.3, 0.4),
    ("unverified", "irregular_colour", 0.012, 3.2, -0.4, None),
    ("irrelevant", None, 0.004, 0.4, 0.2, None),
)


def make_components(artist: Artist, rng: np.random.Generator, n_examples: int) -> tuple[ComponentFinding, ...]:
    rows = []
    for number, component in enumerate(COMPONENTS):
        index = int(rng.integers(0, 1280))
        examples = make_examples(
            artist, rng, index, component[1] == "ruler", 0 if component[0] == "irrelevant" else n_examples
        )
        rows += [make_component(name, number, index, examples, component) for name in CLASSES]
    return tuple(rows)


def make_component(
    class_name: str, number: int, index: int, examples: tuple[Example, ...], component: tuple[Any, ...]
) -> ComponentFinding:
    state, label, share, valid, spurious, flagged = component
    counted = state != "unverified"
    best_valid = make_alignment(label if label in VALID else "vascular", valid, counted or label not in VALID, None)
    best_spurious = make_alignment(label if label in ARTEFACTS else "ruler", spurious, True, flagged)
    return ComponentFinding(
        id=f"features.18:{index}",
        layer="features.18",
        index=index,
        class_name=class_name,
        state=ComponentState(state),
        label=label,
        relevance=estimate(share, share / 6),
        relevance_quantile=estimate(2 * share, share / 3),
        relevance_max=4.2 * share,
        direction=share if class_name == "melanoma" else -share,
        best_valid=best_valid,
        best_spurious=best_spurious,
        alignments=(best_valid, best_spurious),
        clarity=0.62 - 0.02 * number,
        polysemanticity=0.11 + 0.03 * number,
        nearest_component="features.18:77",
        similarity=0.83,
        examples=examples,
    )


VALID = ("vascular", "pigment_network", "jagged_border", "irregular_colour")


def make_alignment(concept: str, z: float, counted: bool, flagged: float | None) -> Alignment:
    return Alignment(
        concept=concept,
        raw=0.02 + z / 100,
        z=z,
        z_low=z - 1.1,
        z_high=z + 1.2,
        passes=z > 3,
        counted=counted,
        flagged_share=flagged,
    )


def make_examples(artist: Artist, rng: np.random.Generator, index: int, ruler: bool, n: int) -> tuple[Example, ...]:
    return tuple(
        Example(
            image_id=f"ISIC_{int(rng.integers(10_000, 99_999)):07d}",
            box=(0, 0, 96, 96),
            file=artist.draw(f"component_{index}_{rank}", artefact="ruler" if ruler else None),
            label=CLASSES[int(rng.integers(0, 2))],
            activation=float(9.5 - 0.3 * rank),
        )
        for rank in range(n)
    )


def make_artefact(artist: Artist, name: str, class_name: str) -> ArtefactFinding:
    label, effect, sham = ARTEFACTS[name]
    effects = [
        Effect(
            true_class=true_class,
            scale="probability",
            raw=estimate(round(effect * factor, 4), 0.031, n_instances=9),
            sham=estimate(round(sham * factor, 4), 0.009, n_instances=9),
            beyond=estimate(round((effect - sham) * factor, 4), 0.033, n_instances=9),
            share_raised=0.5 + effect,
        )
        for true_class, factor in ((None, 1.0), ("melanoma", 0.6), ("benign", 1.2))
    ]
    margin = Effect(true_class=None, scale="margin", raw=estimate(1.2), sham=None, beyond=None, share_raised=0.8)
    turned = max(effect, 0.0)
    flips = (
        Flip(
            from_class="melanoma",
            to_class="benign",
            rate=rate(round(364 * max(-effect, 0.003) * 0.6), 364, max(-effect, 0.003) * 0.6 + 0.018),
            sham=rate(2, 364, 0.017),
            beyond=estimate(0.012, 0.014),
        ),
        Flip(
            from_class="benign",
            to_class="melanoma",
            rate=rate(round(827 * turned), 827, turned + 0.022),
            sham=rate(12, 827, 0.024),
            beyond=estimate(max(turned - 0.014, 0.0), 0.02),
        ),
    )
    return ArtefactFinding(
        artefact=name,
        label=label,
        class_name=class_name,
        n_images=412,
        n_units=388,
        n_instances=9,
        effects=(*effects, margin),
        flips=flips,
        mean_area=0.083,
        sham_energy_ratio=0.98,
        pairs=make_pairs(artist, name, effect, sham),
        observational=estimate(effect * 1.4, 0.04) if name != "red_skin" else None,
        note="nine cut-outs only" if name == "ruler" else "",
    )


def make_pairs(artist: Artist, name: str, effect: float, sham: float) -> tuple[Pair, ...]:
    pairs = []
    for rank, (kind, factor) in enumerate((("flip", 1.9), ("strongest", 2.1), ("median", 1.0), ("no effect", 0.0))):
        seed = 1000 + rank
        files = {
            which: artist.draw(
                f"pair_{name}_{rank}_{which}",
                160,
                artefact=name if which != "before" else None,
                blur=which == "sham",
                seed=seed,
            )
            for which in ("before", "after", "sham")
        }
        before = 0.21 if effect >= 0 else 0.64
        pairs.append(
            Pair(
                image_id=f"ISIC_00{13_000 + rank}",
                kind=kind,
                true_class="benign" if effect >= 0 else "melanoma",
                before=before,
                after=round(before + factor * effect, 4),
                sham=round(before + factor * sham, 4),
                files=files,
            )
        )
    return tuple(pairs)


def concept(name: str, state: str, source: str, auroc: float | None, **more: Any) -> ConceptFinding:
    valid = name in VALID or name == "diameter"
    return ConceptFinding(
        concept=name,
        group="ABCDE/B" if name == "jagged_border" else None,
        role={"melanoma": "valid" if valid else "spurious"},
        state=ConceptState(state),
        source=source,
        auroc=None if auroc is None else estimate(auroc, 0.03, n=1500, n_units=1204, method="logit DeLong"),
        texts=(name.replace("_", " "), f"{name.replace('_', ' ')} in the image"),
        **more,
    )


CONCEPTS = (
    concept("ruler", "observable", "column", 0.93, specific=True, in_sample="some", paraphrase_agreement=0.91,
            rivals=(RivalFlag(column="dark_corner", auroc=estimate(0.61)),), prevalence={"melanoma": estimate(0.52, 0.04)}),
    concept("patch", "observable", "column", 0.99, specific=True, in_sample="some", paraphrase_agreement=0.97),
    concept("ink", "observable", "insertion", 0.84, specific=True, in_sample="none"),
    concept("vascular", "observable", "images", 0.81, specific=True, in_sample="unknown"),
    concept("pigment_network", "observable", "assumption", None, in_sample="unknown",
            reason="Assumed by M. Keller: seen in a reader study of 2025."),
    concept("hair", "not observable", "column", 0.63, specific=False, in_sample="some",
            rivals=(RivalFlag(column="gel_border", auroc=estimate(0.93)),),
            reason="Its words see gel borders better (0.930) than hair (0.630)."),
    concept("jagged_border", "unverified", "none", None, paraphrase_agreement=0.31,
            reason="No labelled column and no example images.",
            would_verify="a column that says where the border is jagged, at least 20 example images, or an assumption with an owner"),
    concept("irregular_colour", "unverified", "none", None, reason="No labelled column and no example images.",
            would_verify="a labelled column or example images"),
    concept("diameter", "not assessable", "none", None, reason="The images carry no scale in mm per pixel."),
)  # fmt: skip

CONFRONTATIONS = (
    Confrontation(
        class_name="melanoma", concept="ruler", artefact="ruler", inside=estimate(0.142, 0.025), n_components=3,
        behaviour=estimate(0.225, 0.033), conclusion="both",
        sentence="Three components carry rulers, and putting a ruler in raises P(melanoma) beyond the sham.",
    ),
    Confrontation(
        class_name="melanoma", concept="patch", artefact="patch", inside=estimate(0.041, 0.015), n_components=1,
        behaviour=estimate(-0.185, 0.033), conclusion="both",
        sentence="One component carries patches, and putting one in lowers P(melanoma).",
    ),
    Confrontation(
        class_name="melanoma", concept="ink", artefact="ink", inside=estimate(0.0, 0.004), n_components=0,
        behaviour=estimate(0.086, 0.033), conclusion="behaviour only",
        sentence="No component is labelled ink, yet ink raises P(melanoma): look for what carries it.",
    ),
    Confrontation(
        class_name="melanoma", concept="hair", artefact="hair", inside=None, n_components=0,
        behaviour=estimate(0.002, 0.012), conclusion="not evaluated",
        sentence="The foundation model cannot see hair, so the inside is not evaluated.",
    ),
    Confrontation(
        class_name="melanoma", concept="dark_corner", artefact="dark_corner", inside=estimate(0.002, 0.003),
        n_components=0, behaviour=estimate(0.004, 0.01), conclusion="neither",
        sentence="Neither line shows dark corners, down to an effect of 0.014.",
    ),
)  # fmt: skip

CONTROLS = (
    Control(name="unrelated_words", question="How often do unrelated words label a component?", value=0.025,
            expected="rarely", passes=True, sentence="Unrelated words label 1 of 40 components."),
    Control(name="sham", question="Does a sham alone move the score?", value=0.021, expected="near zero",
            passes=True, sentence="No sham moves P(melanoma) by more than 0.021 on average."),
    Control(name="lesion_erased", question="Does erasing the lesion destroy the score?", value=0.72,
            expected="AUROC at most 0.6", passes=False, sentence="With the lesion erased the AUROC still is 0.720."),
)  # fmt: skip

NOT_EVALUATED = (
    NotEvaluated(what="jagged border, irregular colour", why="Nothing shows that the foundation model can see them.",
                 remedy="A labelled column, example images, insertion, or an assumption with an owner."),
    NotEvaluated(what="hair", why="The foundation model confuses it with gel borders.", remedy="Other words, or example images."),
    NotEvaluated(what="diameter", why="The images carry no scale.", remedy="Millimetres per pixel in the manifest."),
)  # fmt: skip


# --- gates --------------------------------------------------------------------------------------------------------


def gate(name: str, metric: str, relation: str, bound: float, **more: Any) -> PlannedGate:
    artefact = more.get("artefact")
    return PlannedGate(
        id=f"{name}[{artefact}]" if artefact else name,
        name=name,
        metric=metric,
        relation=relation,
        bound=bound,
        location=f"specs/melanoma.yaml:{40 + len(name)}:5",
        **({"class_name": "melanoma", "severity": Severity.ERROR, "confidence": 0.95} | more),
    )


def missed(artefact: str, **more: Any) -> PlannedGate:
    more = {"rationale": "As agreed in RM-014.", "risk_id": "RM-014"} | more
    return gate(
        "missed", "decision_flips", "<=", 0.02, artefact=artefact, from_class="melanoma", to_class="benign", **more
    )


def result(planned: PlannedGate, state: GateState, value: Estimate | None, sentence: str, **more: Any) -> GateResult:
    return GateResult(gate=planned, state=state, estimate=value, sentence=sentence, **more)


def make_gates() -> tuple[GateResult, ...]:
    holds, fails, open_, none = GateState.HOLDS, GateState.FAILS, GateState.INCONCLUSIVE, GateState.NOT_EVALUATED
    alarms = {"from_class": "benign", "to_class": "melanoma", "risk_id": "RM-022"}
    one = {"sided": "one", "n_instances": 9}
    return (
        result(gate("sensitivity", "sensitivity", ">=", 0.82), holds, estimate(0.871, 0.031, sided="one", n=418, n_events=364),
               "The share of melanoma images that the model detects is 87.1 % (95 % one-sided: 84.0 % to 90.2 %). Limit at least 82 %: holds."),
        result(gate("specificity", "specificity", ">=", 0.7), holds, estimate(0.764, 0.024, sided="one", n=1082, n_events=827),
               "The share of other images that the model does not call melanoma is 76.4 %. Limit at least 70 %: holds."),
        result(gate("auroc", "auroc", ">=", 0.85), holds, estimate(0.897, 0.018, sided="one", n=1500), "The AUROC of P(melanoma) on clean images is 0.897. Limit at least 0.85: holds."),
        result(missed("patch"), fails, rate(38, 364, 0.1337),
               "Of 100 melanoma images that the model calls rightly (melanoma at P >= 0.31), inserting a coloured patch turns 10.4 into benign (95 % one-sided: 7.5 to 13.4). Limit at most 2: fails."),
        result(missed("ruler"), holds, rate(1, 364, 0.013), "Inserting a ruler turns 0.3 of 100 melanoma images into benign. Limit at most 2: holds."),
        result(missed("ink"), holds, rate(1, 364, 0.013), "Inserting ink marks turns 0.3 of 100 melanoma images into benign. Limit at most 2: holds."),
        result(missed("hair"), open_, rate(4, 364, 0.0249), "Inserting hair turns 1.1 of 100 melanoma images into benign (95 % one-sided: 0.0 to 2.5). Limit at most 2: undecided, the interval crosses the limit."),
        result(missed("dark_corner"), open_, rate(0, 41, 0.0705), "Inserting dark corners turned 0 of 41; the bound is 7.0. Limit at most 2: undecided, the interval crosses the limit."),
        result(gate("false_alarms", "decision_flips", "<=", 0.05, artefact="ruler", **alarms), fails, rate(203, 827, 0.2701),
               "Of 100 benign images that the model calls rightly (melanoma at P >= 0.31), inserting a ruler turns 24.5 into melanoma (95 % one-sided: 22.1 to 27.0). Limit at most 5: fails."),
        result(gate("false_alarms", "decision_flips", "<=", 0.05, artefact="ink", **alarms), fails, rate(86, 827, 0.122),
               "Inserting ink marks turns 10.4 of 100 benign images into melanoma (95 % one-sided: 8.6 to 12.2). Limit at most 5: fails.", waived=True,
               waiver="M. Keller, approved by J. Ortiz until 2026-12-31: ink is removed at acquisition from version 1.4 on (RM-022)."),
        result(gate("beyond_sham", "effect_minus_sham", "within", 0.03, artefact="red_skin", confidence=0.95), holds, estimate(0.003, 0.012, **one),
               "Inserting red skin, beyond its sham, moves P(melanoma) by +0.003 on average. Limit within +/-0.03: holds."),
        result(gate("beyond_sham", "effect_minus_sham", "within", 0.03, artefact="hair", severity=Severity.WARN), open_, estimate(0.021, 0.016, **one),
               "Inserting hair, beyond its sham, moves P(melanoma) by +0.021 on average. Limit within +/-0.03: undecided, the interval crosses the limit."),
        result(gate("unexpected", "unexpected_relevance_share", "<=", 0.05, severity=Severity.WARN), fails, estimate(0.118, 0.03, sided="one"),
               "The share of relevance for melanoma on components that nothing explains is 11.8 %. Limit at most 5 %: fails."),
        result(gate("seen", "observability", ">=", 0.8, concept="jagged_border"), none, Estimate(value=None, note="nothing shows that the foundation model can see it"),
               "How well the foundation model tells 'jagged_border' (AUROC): not evaluated, because nothing shows that the foundation model can see it."),
        result(gate("seen_ruler", "observability", ">=", 0.8, concept="ruler"), holds, estimate(0.93, 0.03, sided="one"), "How well the foundation model tells 'ruler' (AUROC) is 0.930. Limit at least 0.8: holds."),
    )  # fmt: skip


def make_verdict(gates: tuple[GateResult, ...], exit_code: ExitCode = ExitCode.GATE_FAILS) -> Verdict:
    order = (GateState.FAILS, GateState.INCONCLUSIVE, GateState.NOT_EVALUATED, GateState.HOLDS)
    ranked = sorted(gates, key=lambda row: (order.index(row.state), row.waived, row.gate.severity is Severity.WARN))
    return Verdict(
        gates=gates,
        counts={state: sum(row.state is state for row in gates) for state in GateState},
        n_waived=sum(row.waived for row in gates),
        headline="NOT ALL GATES HOLD",
        sentences=tuple(row.sentence for row in ranked),
        exit_code=exit_code,
    )


def make_plan(gates: tuple[PlannedGate, ...]) -> AuditPlan:
    digest = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("spec", "weights", "data", "foundation")}
    return AuditPlan(
        spec_sha256=digest["spec"],
        model=PlannedModel(
            architecture="torchvision:mobilenet_v2",
            weights_sha256=digest["weights"],
            classes=("benign", "melanoma"),
            layers=("features.18",),
            n_components={"features.18": 1280},
            preprocessing="The shorter side becomes 256 pixels, then a centre crop of 224; mean and std of ImageNet.",
            output="logits",
            decision_class="melanoma",
            threshold=0.31,
            decision_source="design input DI-31",
            n_parameters=2_226_434,
            reference_gap=2.1e-7,
            n_references=4,
        ),
        data=PlannedData(
            source="test/labels.csv",
            sha256=digest["data"],
            n_images=1500,
            n_units=1204,
            unit_column="patient",
            class_counts={"melanoma": 418, "benign": 1082},
            columns=("ruler", "ink", "patch", "hair"),
            n_left_out=12,
        ),
        foundation=PlannedFoundation(
            model="local-dir:foundation/derm_clip",
            sha256=digest["foundation"],
            dimension=128,
            templates=("{}", "an image of {}"),
            training_overlap="some",
            training_note="It was trained on part of the audited images, so observability by column is in-sample.",
        ),
        audited_classes=CLASSES,
        gates=gates,
        artefacts=tuple(ARTEFACTS),
        methods=(
            Method(
                name="concept examples",
                value="20 per component, mean pooling",
                reason="the paper's mean labels slightly better",
            ),
            Method(
                name="label threshold",
                value="z > 3",
                reason="1.5 % of random image sets are labelled at this threshold",
            ),
            Method(
                name="intervals of effects",
                value="crossed bootstrap, 10,000 draws",
                reason="images and artefact instances both vary",
            ),
        ),
        seed=7,
        batch_size=32,
        n_threads=2,
        device="cpu",
    )
