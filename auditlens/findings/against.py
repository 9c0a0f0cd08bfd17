"""How much worse this model is than a baseline, gate by gate, on the same pictures (method.md, definition 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np

from auditlens.findings import differences
from auditlens.findings.auroc_rows import erased_difference, erased_paired, separability_difference
from auditlens.findings.differences import Bootstrap, Level
from auditlens.findings.relevance_rows import SHARES, of_layer, share_difference, why_no_pairs
from auditlens.findings.side_by_side import Run
from auditlens.findings.subgroups import members
from auditlens.findings.worst import worst_of
from auditlens.spec.baselines import PAIRED, WHY_NOT_PAIRED
from auditlens.spec.metrics import METRIC_RULES, OTHER
from auditlens.stages.answers import Answers, CleanAnswers, ErasedAnswers, Names, Said, TrialAnswers
from auditlens.stages.evidence import Bools, Floats, Samples
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.record import AuditRecord

CLEAN = ("sensitivity", "specificity", "auroc")
NOT_KEPT = "the baseline's run folder keeps no {}; audit its model again"
FLIPS = ("decision_flips", "decision_flips_beyond_sham")


@dataclass(frozen=True, slots=True)
class Comparand:
    """One baseline, read.

    Attributes
    ----------
    name : str
    original : AuditRecord or None
        Its record as it was; None where there is none.
    run : Run or None
        What is compared with: the original, or the audit of its model by this spec; None where nothing is.
    record_sha256 : str
        Of the original's record.json.
    again : str
        Why its model was run again; empty where it was not.
    why_not : str
        Why nothing is compared with it; empty where something is.
    """

    name: str
    original: AuditRecord | None = None
    run: Run | None = None
    record_sha256: str = ""
    again: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Against:
    """What gates are compared with.

    Attributes
    ----------
    answers : Answers
        Of this run.
    comparands : tuple of Comparand
        In the order of the spec and of the command line.
    independent : bool
        Whether classes are decided by themselves.
    bootstrap : Bootstrap
    """

    answers: Answers = field(default_factory=Answers)
    comparands: tuple[Comparand, ...] = ()
    independent: bool = False
    bootstrap: Bootstrap = field(default_factory=lambda: Bootstrap(10_000, 0))

    def named(self, name: str) -> Comparand | None:
        """Find a baseline."""
        return next((row for row in self.comparands if row.name == name), None)


NO_BASELINES = Against()


def compared(gate: PlannedGate, against: Against, samples: Samples) -> Estimate:
    """Estimate for a gate that names a baseline; without a comparison there is no value, and the note says why."""
    other = against.named(gate.against or "")
    if other is None or other.run is None or other.run.answers is None:
        why = other.why_not if other is not None else f"no record of {gate.against!r} was given (--baseline)"
        return missing(gate, why or "the baseline keeps no answers by picture")
    return worse_by(gate, against.answers, other.run.answers, against, samples)


def worse_by(gate: PlannedGate, ours: Answers, theirs: Answers, against: Against, samples: Samples) -> Estimate:
    """How much worse the first model is than the second, in the metric's unit; below zero where it is better.

    Parameters
    ----------
    gate : PlannedGate
        With a limit `within` on the difference itself, the plain difference is given, either way.
    ours, theirs : Answers
    against : Against
        For the bootstrap, and whether classes are decided by themselves.
    samples : Samples
        For the subgroup that the gate is about.

    Returns
    -------
    Estimate
        At the gate's confidence, one-sided; paired by image, instance and unit. Without a value where the two did not
        see the same pictures.
    """
    if gate.metric not in PAIRED:
        return missing(gate, f"{gate.metric} {WHY_NOT_PAIRED.get(gate.metric, 'has no paired difference')}")
    if gate.worst_subgroup is not None:
        return _worst(gate, ours, theirs, against, samples)
    pair = _Pair(gate, against, _wanted(samples, gate.within))
    if gate.metric in SHARES:
        return pair.relevance(ours, theirs)
    if gate.metric == "lesion_erased_auroc":
        return pair.erased(ours, theirs)
    return pair.clean(ours, theirs) if gate.metric in CLEAN else pair.trials(ours, theirs)


def _worst(gate: PlannedGate, ours: Answers, theirs: Answers, against: Against, samples: Samples) -> Estimate:
    """Within the subgroup that has become worst: a larger value is worse, whatever the gate's own limit."""
    if gate.against is not None and gate.relation == "within":
        return missing(gate, "which subgroup is worst is not said where either way counts")

    def measure(place: PlannedGate) -> Estimate:
        asked = place.model_copy(update={"relation": gate.relation, "worst_subgroup": None})
        return worse_by(asked, ours, theirs, against, samples)

    values = samples.partitions[gate.worst_subgroup or ""].values
    return worst_of(gate.model_copy(update={"relation": "<="}), values, measure)


def missing(gate: PlannedGate, why: str) -> Estimate:
    """An estimate that is none: never a pass."""
    return Estimate(value=None, confidence=gate.confidence, sided="one", note=why)


def _wanted(samples: Samples, within: Mapping[str, str]) -> Names | None:
    """Ids of a subgroup's images; None for all."""
    if not within:
        return None
    return np.array(samples.ids, dtype=np.str_)[members(samples, within)]


class _Pair:
    """One gate asked of two models."""

    def __init__(self, gate: PlannedGate, against: Against, wanted: Names | None) -> None:
        self.gate, self.against, self.wanted = gate, against, wanted
        self.level = Level(gate.confidence, "one")

    def clean(self, ours: Answers, theirs: Answers) -> Estimate:
        """Compare a clean metric."""
        name = self.gate.class_name
        mine, other = ours.clean.get(name), theirs.clean.get(name)
        if mine is None or other is None:
            return missing(self.gate, f"no answers for {name} are kept")
        if not differences.clean_paired(other, mine):
            return missing(self.gate, "the two audits saw other images, labels or units, so nothing is paired")
        if self.wanted is not None:
            mine, other = (_clean_rows(part, np.isin(part.images, self.wanted)) for part in (mine, other))
        if not len(mine.images):
            return missing(self.gate, "no image is in the subgroup")
        found = differences.clean_difference(self.gate.metric, other, mine, self.against.independent, self.level)
        return self._oriented(found)

    def trials(self, ours: Answers, theirs: Answers) -> Estimate:
        """Compare what an artefact does."""
        key = self._key(ours)
        mine, other = ours.trials.get(key), theirs.trials.get(key)
        if mine is None or other is None:
            return missing(self.gate, f"the artefact {self.gate.artefact!r} was not put in for both models")
        why = differences.why_unpaired(other, mine)
        if why:
            return missing(self.gate, f"not the same pictures: {why}")
        if self.wanted is not None:
            mine, other = (_trial_rows(part, np.isin(part.images, self.wanted)) for part in (mine, other))
        if not len(mine.images):
            return missing(self.gate, "no image is in the subgroup")
        if self.gate.metric.startswith("separability"):
            found = separability_difference(self.gate.metric, other, mine, **self.level.asked)
            return self._oriented(found)
        if self.gate.metric == "flip_rate":
            return self._oriented(differences.turn_difference(other, mine, self.level))
        if self.gate.metric == "accuracy_drop":
            alone = self.against.independent
            gain = differences.accuracy_change_difference(other, mine, None, alone, self.level)
            return self._oriented(turned(gain))
        return self._flips(mine, other) if self.gate.metric in FLIPS else self._effect(mine, other)

    def erased(self, ours: Answers, theirs: Answers) -> Estimate:
        """Compare how well the class is told with the lesion erased."""
        if ours.erased is None or theirs.erased is None:
            return missing(self.gate, NOT_KEPT.format("answers on images with the lesion erased"))
        mine, other = (one.get(self.gate.class_name) for one in (ours.erased, theirs.erased))
        if mine is None or other is None:
            return missing(self.gate, "no lesion was erased for both models")
        if not erased_paired(other, mine):
            return missing(self.gate, "the two audits erased other lesions, so nothing is paired")
        if self.wanted is not None:
            mine, other = (_erased_rows(part, np.isin(part.images, self.wanted)) for part in (mine, other))
        return self._oriented(erased_difference(other, mine, **self.level.asked))

    def relevance(self, ours: Answers, theirs: Answers) -> Estimate:
        """Compare a share of relevance."""
        if ours.relevance is None or theirs.relevance is None:
            return missing(self.gate, NOT_KEPT.format("relevance by image"))
        layer, name = self.gate.layer, self.gate.class_name
        mine, other = (of_layer(one, layer, name) for one in (ours.relevance, theirs.relevance))
        if mine is None or other is None:
            return missing(self.gate, f"relevance for {name} was not computed for both models")
        why = why_no_pairs(other, mine, self.gate.metric)
        if why:
            return missing(self.gate, why)
        return self._oriented(share_difference(self.gate.metric, other, mine, **self.level.asked))

    def _key(self, answers: Answers) -> tuple[str, str]:
        """The class for which the answers are read: of a direction with `other`, the class on its other side."""
        gate = self.gate
        sides = [name for name in (gate.from_class, gate.to_class) if name not in (None, OTHER)]
        name = sides[0] if OTHER in (gate.from_class, gate.to_class) and sides else gate.class_name
        artefact = gate.artefact or ""
        known = [key for key in answers.trials if key[0] == artefact]
        if (artefact, str(name)) in answers.trials or not known or gate.metric not in FLIPS:
            return artefact, str(name)
        return known[0]  # which class reads the decision makes no difference where both classes are named

    def _flips(self, mine: TrialAnswers, other: TrialAnswers) -> Estimate:
        part = "beyond" if self.gate.metric.endswith("sham") else "raw"
        source, target = self.gate.from_class or "", self.gate.to_class or ""
        return self._oriented(differences.flip_difference(other, mine, source, target, part, self.level))

    def _effect(self, mine: TrialAnswers, other: TrialAnswers) -> Estimate:
        part = "beyond" if self.gate.metric == "effect_minus_sham" else "raw"
        asked = self.gate.true_class, "probability", part, self.against.bootstrap
        if self._direction() == "near zero":
            return self._growth(mine, other, part)
        return self._oriented(differences.effect_difference(other, mine, *asked, self.level))

    def _growth(self, mine: TrialAnswers, other: TrialAnswers, part: str) -> Estimate:
        """How much larger the effect has become, whichever way it goes.

        In the direction of this model's effect; the other's counts with its own sign only where its interval says that
        it has one. That is the growth of the size of the effect, or an upper bound of it.
        """
        now, then = (differences.change_of(one, "probability", part) for one in (mine, other))
        if now is None or then is None:
            return missing(self.gate, "no sham was run")
        bounds = {"raw": 1.0, "beyond": 2.0}[part]
        size = [self._mean(change, mine, bounds) for change in (now, then)]
        own = 1.0 if (size[0].value or 0.0) >= 0 else -1.0
        theirs = own if not _has_sign(size[1]) else float(np.sign(size[1].value or own))
        return self._mean(own * now - theirs * then, mine, 2 * bounds)

    def _mean(self, values: Floats, answers: TrialAnswers, bounds: float) -> Estimate:
        return differences.mean_change(
            values, answers, self.gate.true_class, self.against.bootstrap, self.level, (-bounds, bounds)
        )

    def _direction(self) -> str:
        """Which way is worse: of a limit on the value its own way, of one on the difference the metric's."""
        gate = self.gate
        if gate.against is not None:
            return "either way" if gate.relation == "within" else METRIC_RULES[gate.metric].better
        return {"<=": "lower", ">=": "higher"}.get(gate.relation, "near zero")

    def _oriented(self, difference: Estimate) -> Estimate:
        return turned(difference) if self._direction() == "higher" else difference


def _has_sign(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and (estimate.low > 0 or estimate.high < 0)


def turned(estimate: Estimate) -> Estimate:
    """The same with the other sign."""
    value, low, high = (None if x is None else -x + 0.0 for x in (estimate.value, estimate.high, estimate.low))
    return estimate.model_copy(update={"value": value, "low": low, "high": high})


def _clean_rows(part: CleanAnswers, rows: Bools) -> CleanAnswers:
    return replace(
        part,
        images=part.images[rows],
        labels=part.labels[rows],
        units=part.units[rows],
        said=_said_rows(part.said, rows),
    )


def _erased_rows(part: ErasedAnswers, rows: Bools) -> ErasedAnswers:
    kept = {name: getattr(part, name)[rows] for name in ("images", "labels", "units", "area", "probability")}
    return replace(part, **kept)


def _said_rows(said: Said, rows: Bools) -> Said:
    return Said(said.probability[rows], said.margin[rows], said.decided[rows])


def _trial_rows(part: TrialAnswers, rows: Bools) -> TrialAnswers:
    kept: dict[str, object] = {}
    for entry in fields(TrialAnswers):
        value = getattr(part, entry.name)
        if isinstance(value, np.ndarray):
            kept[entry.name] = value[rows]
        elif isinstance(value, Said):
            kept[entry.name] = _said_rows(value, rows)
    return replace(part, **kept)  # type: ignore[arg-type]
