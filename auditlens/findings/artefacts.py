"""What happens when an artefact is put in: paired effects and flips, each beside its sham."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from auditlens.findings.decision import OperatingPoint
from auditlens.findings.statistics import mean_effects, rate, rate_difference
from auditlens.spec.metrics import OTHER
from auditlens.stages.evidence import ArtefactTrials, Bools, Floats, Ints, Predictions, Samples
from auditlens.stages.findings import ArtefactFinding, Effect, Estimate, Flip, Sided

BOUNDS = {"raw": (-1.0, 1.0), "sham": (-1.0, 1.0), "beyond": (-2.0, 2.0)}
"""Range that a paired change of probability can have; `beyond` is the difference of two such changes."""


@dataclass(frozen=True, slots=True)
class Trials:
    """One artefact's trials joined with the clean images, for one audited class.

    Attributes
    ----------
    raw : ArtefactTrials
    samples : Samples
    predictions : Predictions
    point : OperatingPoint
    n_draws, seed : int
        Of the bootstrap.
    """

    raw: ArtefactTrials
    samples: Samples
    predictions: Predictions
    point: OperatingPoint
    n_draws: int
    seed: int

    @property
    def rows(self) -> Ints:
        """Row of the data index, per trial."""
        return self.raw.image_indices

    @property
    def units(self) -> Ints:
        """Patient, per trial."""
        return self.samples.units[self.rows]

    @property
    def labels(self) -> Ints:
        """True class, per trial."""
        return self.samples.labels[self.rows]

    @property
    def has_sham(self) -> bool:
        """Whether shams were run."""
        return not bool(np.isnan(self.raw.sham_probabilities).any())

    def clean(self, scale: str, class_index: int) -> Floats:
        """Probability or margin of a class on the clean image, per trial."""
        return self._on_scale(self.predictions.logits, self.predictions.probabilities, scale, class_index)[self.rows]

    def inserted(self, scale: str, class_index: int) -> Floats:
        """The same with the artefact."""
        return self._on_scale(self.raw.logits, self.raw.probabilities, scale, class_index)

    def sham(self, scale: str, class_index: int) -> Floats:
        """The same with the sham."""
        return self._on_scale(self.raw.sham_logits, self.raw.sham_probabilities, scale, class_index)

    def _on_scale(self, logits: Floats, probabilities: Floats, scale: str, class_index: int) -> Floats:
        if scale == "margin":
            return self.point.margin(logits, class_index)
        return probabilities[:, class_index].astype(np.float64)


def artefact_finding(trials: Trials, class_name: str, label: str) -> ArtefactFinding:
    """Everything about one artefact and one class, with two-sided 95 % intervals."""
    classes = trials.point.classes
    class_index = classes.index(class_name)
    present: list[str | None] = [None, *(classes[index] for index in np.unique(trials.labels))]
    return ArtefactFinding(
        artefact=trials.raw.artefact,
        label=label,
        class_name=class_name,
        n_images=int(np.unique(trials.rows).size),
        n_units=int(np.unique(trials.units).size),
        n_instances=int(np.unique(trials.raw.instances).size),
        effects=(
            *(
                _effect(trials, class_index, true_class, "probability")
                for true_class in _shown_classes(present, class_name)
            ),
            _effect(trials, class_index, None, "margin"),
        ),
        flips=tuple(_flip(trials, source, target) for source, target in directions(trials.point, class_name)),
        mean_area=float(trials.raw.area.mean()),
        sham_energy_ratio=median_energy(trials),
    )


def median_energy(trials: Trials) -> float | None:
    """Median pixel energy of the sham over the artefact's; None without a sham, or where nothing changed.

    An image that the artefact leaves as it is (a black blade on a black border) has no ratio and is left out.
    """
    ratio = trials.raw.energy_ratio
    known = ratio[np.isfinite(ratio)]
    return float(np.median(known)) if trials.has_sham and known.size else None


def _shown_classes(present: list[str | None], class_name: str) -> list[str | None]:
    """Every true class while a reader can take them in; else all images and the audited class."""
    return present if len(present) <= 12 else [None, class_name]


def directions(point: OperatingPoint, class_name: str) -> tuple[tuple[str, str], ...]:
    """The two directions of a decision: away from the class and towards it."""
    classes = point.classes
    if len(classes) == 2 and not point.independent:
        rest = classes[1 - classes.index(class_name)]
        return (class_name, rest), (rest, class_name)
    return (class_name, OTHER), (OTHER, class_name)


def _effect(trials: Trials, class_index: int, true_class: str | None, scale: str) -> Effect:
    kinds = ("raw", "sham", "beyond") if trials.has_sham else ("raw",)
    estimates = effect_estimates(trials, class_index, true_class, kinds, scale, confidence=0.95, sided="two")
    raw = effect_values(trials, class_index, true_class, scale)[0]
    return Effect(
        true_class=true_class,
        scale=scale,
        raw=estimates["raw"],
        sham=estimates.get("sham"),
        beyond=estimates.get("beyond"),
        share_raised=float(np.mean(raw > 0)) if raw.size else 0.0,
    )


def effect_values(
    trials: Trials, class_index: int, true_class: str | None, scale: str
) -> tuple[Floats, Floats | None, Floats | None]:
    """Paired changes per trial: with the artefact, with the sham, and their difference."""
    rows = _of_class(trials, true_class)
    clean = trials.clean(scale, class_index)[rows]
    raw = trials.inserted(scale, class_index)[rows] - clean
    if not trials.has_sham:
        return raw, None, None
    sham = trials.sham(scale, class_index)[rows] - clean
    return raw, sham, raw - sham


def effect_estimate(
    trials: Trials,
    class_index: int,
    true_class: str | None,
    kind: str,
    scale: str = "probability",
    *,
    confidence: float,
    sided: Sided,
) -> Estimate:
    """Mean paired change with its interval; `kind` is raw, sham or beyond."""
    if kind != "raw" and not trials.has_sham:
        return Estimate(value=None, confidence=confidence, sided=sided, note="no sham was run")
    found = effect_estimates(trials, class_index, true_class, (kind,), scale, confidence=confidence, sided=sided)
    return found[kind]


def effect_estimates(
    trials: Trials,
    class_index: int,
    true_class: str | None,
    kinds: Sequence[str],
    scale: str,
    *,
    confidence: float,
    sided: Sided,
) -> dict[str, Estimate]:
    """Mean paired changes with their intervals, by kind; other kinds than raw need a sham."""
    values = dict(zip(("raw", "sham", "beyond"), effect_values(trials, class_index, true_class, scale), strict=True))
    rows = _of_class(trials, true_class)
    estimates = mean_effects(
        [chosen for kind in kinds if (chosen := values[kind]) is not None],
        trials.units[rows],
        instances=trials.raw.instances[rows],
        n_draws=trials.n_draws,
        seed=trials.seed,
        bounds=[BOUNDS[kind] if scale == "probability" else None for kind in kinds],
        confidence=confidence,
        sided=sided,
    )
    return dict(zip(kinds, estimates, strict=True))


def _of_class(trials: Trials, true_class: str | None) -> Bools:
    if true_class is None:
        return np.ones(trials.rows.size, dtype=bool)
    return np.asarray(trials.labels == trials.point.classes.index(true_class))


def _flip(trials: Trials, source: str, target: str) -> Flip:
    def estimate(kind: str) -> Estimate:
        return flip_estimate(trials, source, target, kind, confidence=0.95, sided="two")

    return Flip(
        from_class=source,
        to_class=target,
        rate=estimate("raw"),
        sham=estimate("sham") if trials.has_sham else None,
        beyond=estimate("beyond") if trials.has_sham else None,
    )


def flip_estimate(trials: Trials, source: str, target: str, kind: str, *, confidence: float, sided: Sided) -> Estimate:
    """Share of the rightly called images of `source` that are called `target` after the insertion.

    The denominator is what the device gets right on the clean image, so that misses it makes anyway do not count.
    """
    if kind != "raw" and not trials.has_sham:
        return Estimate(value=None, confidence=confidence, sided=sided, note="no sham was run")
    rows, turned, sham_turned = flip_events(trials, source, target)
    units, instances = trials.units[rows], trials.raw.instances[rows]
    if kind == "beyond":
        return rate_difference(turned, sham_turned, units, instances=instances, confidence=confidence, sided=sided)
    events = turned if kind == "raw" else sham_turned
    return rate(events, units, instances=instances, confidence=confidence, sided=sided)


def flip_events(trials: Trials, source: str, target: str) -> tuple[Bools, Bools, Bools]:
    """Rows in the denominator, and within them who turns with the artefact and with the sham."""
    point, named = trials.point, trials.point.classes.index(target if source == OTHER else source)
    is_source, is_target = _matcher(point, source, named), _matcher(point, target, named)
    decided = point.reported(trials.predictions.probabilities, named)[trials.rows]
    rows = is_source(trials.labels) & is_source(decided)
    turned = is_target(point.reported(trials.raw.probabilities[rows], named))
    if not trials.has_sham:
        return rows, turned, np.zeros_like(turned)
    return rows, turned, is_target(point.reported(trials.raw.sham_probabilities[rows], named))


def change_estimate(trials: Trials, class_index: int, *, confidence: float, sided: Sided) -> Estimate:
    """Share of images whose decision changes at all when the artefact goes in, right or wrong before, 0 to 1."""
    before, after = _decisions(trials, class_index)
    return rate(before != after, trials.units, instances=trials.raw.instances, confidence=confidence, sided=sided)


def accuracy_drop(trials: Trials, class_index: int, *, confidence: float, sided: Sided) -> Estimate:
    """Accuracy on the clean images minus that with the artefact in the same images, -1 to 1; above 0 is worse.

    Of a multi-label model the accuracy is that of the class against the rest, as in `performance`.
    """
    before, after = (_right(trials, found, class_index) for found in _decisions(trials, class_index))
    return rate_difference(
        before, after, trials.units, instances=trials.raw.instances, confidence=confidence, sided=sided
    )


def _decisions(trials: Trials, class_index: int) -> tuple[Ints, Ints]:
    """Class that is reported on the clean image and with the artefact, per trial."""
    point = trials.point
    clean = point.reported(trials.predictions.probabilities, class_index)[trials.rows]
    return clean, point.reported(trials.raw.probabilities, class_index)


def _right(trials: Trials, decided: Ints, class_index: int) -> Bools:
    if trials.point.independent:
        return np.asarray((decided == class_index) == (trials.labels == class_index))
    return np.asarray(decided == trials.labels)


def _matcher(point: OperatingPoint, name: str, named: int) -> Callable[[Ints], Bools]:
    """Tell the rows of a class; `other` is every class but the one that the direction names."""
    if name == OTHER:
        return lambda rows: rows != named
    index = point.classes.index(name)
    return lambda rows: rows == index
