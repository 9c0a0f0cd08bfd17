"""Artefacts in two or more audits: effects, decisions that turn, and the change of accuracy (Fig. 4d, F.13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from auditlens.findings import differences
from auditlens.findings.side_by_side import FIRST, NOT_KEPT, Bounds, Run, apart, has_value, values
from auditlens.stages.answers import TrialAnswers
from auditlens.stages.comparison import ComparedArtefact, ComparedRow, Measure, Part
from auditlens.stages.findings import ArtefactFinding, Effect, Estimate, Flip

N_DRAWS = 10_000
PARTS: tuple[Part, ...] = ("raw", "sham", "beyond")


def compared_artefacts(runs: Sequence[Run]) -> tuple[ComparedArtefact, ...]:
    """Set every artefact that any of the runs tested side by side, by class."""
    keys = dict.fromkeys((row.artefact, row.class_name) for run in runs for row in run.record.findings.artefacts)
    return tuple(_Artefact(runs, *key).compared() for key in keys)


class _Artefact:
    """One artefact and one class in all runs."""

    def __init__(self, runs: Sequence[Run], artefact: str, class_name: str) -> None:
        self.runs, self.artefact, self.class_name = runs, artefact, class_name
        self.found = [run.artefact(artefact, class_name) for run in runs]
        self.trials = [run.trials(artefact, class_name) for run in runs]
        self.pairing = (FIRST, *(self._pairing(place) for place in range(1, len(runs))))
        settings = runs[0].record.spec.get("challenge") or {}
        self.bootstrap = differences.Bootstrap(int(settings.get("n_draws", N_DRAWS)), runs[0].record.plan.seed)

    def compared(self) -> ComparedArtefact:
        """Give its rows."""
        known = [row for row in self.found if row is not None]
        effects = dict.fromkeys((row.scale, row.true_class) for found in known for row in found.effects)
        flips = dict.fromkeys((row.from_class, row.to_class) for found in known for row in found.flips)
        return ComparedArtefact(
            artefact=self.artefact,
            label=known[0].label,
            class_name=self.class_name,
            rows=(
                *(self._effect(scale, true, part) for scale, true in effects for part in PARTS),
                *(self._flip(source, target, part) for source, target in flips for part in PARTS),
                *self._accuracy(true_class=None),
                *(row for true in self._true_classes() for row in self._accuracy(true)),
            ),
            pairing=self.pairing,
        )

    def _pairing(self, place: int) -> str:
        first, other = self.trials[0], self.trials[place]
        if self.found[0] is None or self.found[place] is None:
            return "not tested in both runs"
        if first is None or other is None:
            return NOT_KEPT
        return differences.why_unpaired(first, other) or differences.PAIRED

    def _differ(
        self,
        estimates: Sequence[Estimate | None],
        paired: Callable[[TrialAnswers, TrialAnswers], Estimate],
        bounds: Bounds,
    ) -> Callable[[int], Estimate]:
        def differ(place: int) -> Estimate:
            first, other = self.trials[0], self.trials[place]
            if self.pairing[place] != differences.PAIRED or first is None or other is None:
                return apart(self.runs, place, estimates, bounds)
            return paired(first, other)

        return differ

    def _effect(self, scale: str, true_class: str | None, part: Part) -> ComparedRow:
        def own(found: ArtefactFinding) -> Effect | None:
            return next((row for row in found.effects if (row.scale, row.true_class) == (scale, true_class)), None)

        effects = [None if found is None else own(found) for found in self.found]
        estimates = [None if effect is None else getattr(effect, part) for effect in effects]
        reach = 4.0 if part == "beyond" else 2.0
        differ = self._differ(
            estimates,
            lambda first, other: differences.effect_difference(first, other, true_class, scale, part, self.bootstrap),
            (-reach, reach) if scale == "probability" else None,
        )
        measure: Measure = "margin" if scale == "margin" else "probability"
        return ComparedRow(
            measure=measure, part=part, true_class=true_class, kind="signed", values=values(estimates, differ)
        )

    def _flip(self, source: str, target: str, part: Part) -> ComparedRow:
        def own(found: ArtefactFinding) -> Flip | None:
            return next((row for row in found.flips if (row.from_class, row.to_class) == (source, target)), None)

        flips = [None if found is None else own(found) for found in self.found]
        name = "rate" if part == "raw" else part
        estimates = [None if flip is None else getattr(flip, name) for flip in flips]
        differ = self._differ(
            estimates,
            lambda first, other: differences.flip_difference(first, other, source, target, part),
            (-2.0, 2.0) if part == "beyond" else (-1.0, 1.0),
        )
        return ComparedRow(
            measure="flips",
            part=part,
            true_class=source,
            to_class=target,
            kind="percent",
            values=values(estimates, differ),
        )

    def _true_classes(self) -> list[str]:
        """True classes that the effects of the records tell apart."""
        known = [row for row in self.found if row is not None]
        return list(dict.fromkeys(row.true_class for found in known for row in found.effects if row.true_class))

    def _accuracy(self, true_class: str | None) -> tuple[ComparedRow, ...]:
        """Change of accuracy; only runs that keep their answers have it."""
        estimates = [
            None if trials is None else differences.accuracy_change(trials, true_class, run.independent)
            for run, trials in zip(self.runs, self.trials, strict=True)
        ]
        if not any(has_value(estimate) for estimate in estimates):
            return ()
        independent = self.runs[0].independent
        differ = self._differ(
            estimates,
            lambda first, other: differences.accuracy_change_difference(first, other, true_class, independent),
            (-2.0, 2.0),
        )
        row = ComparedRow(
            measure="accuracy change",
            part="raw",
            true_class=true_class,
            kind="percent",
            values=values(estimates, differ),
        )
        return (row,)
