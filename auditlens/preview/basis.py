"""The observations that each gate will rest on, as far as they are known before a model is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from auditlens.challenge.rendering import ArtefactSource
from auditlens.challenge.trials import Trial, choose_rows, plan_trials
from auditlens.findings.subgroups import members
from auditlens.gather.context import Context
from auditlens.gather.responses import first_trials
from auditlens.gather.trials import trial_rows
from auditlens.preview.layers import KnownLayer, known_layer
from auditlens.preview.seen import seen_images
from auditlens.spec.metrics import OTHER
from auditlens.stages.evidence import Bools, Ints
from auditlens.stages.plan import PlannedGate
from auditlens.stages.subgroups import Stratum

CLEAN = ("sensitivity", "specificity", "auroc")
FLIPS = ("decision_flips", "decision_flips_beyond_sham")
EFFECTS = ("artefact_effect", "effect_minus_sham")
SEPARATIONS = ("separability", "separability_drop", "separability_drop_beyond_sham")
SHARES = (
    "spurious_relevance_share",
    "unexpected_relevance_share",
    "unread_relevance_share",
    "strongest_spurious_component",
)
CHANGED = ("flip_rate", "accuracy_drop")
SCORES = ("alignment_margin", "clarity", "redundancy", "polysemanticity")
INSIDE = (*SHARES, *SCORES, "valid_coverage")


@dataclass(frozen=True, slots=True)
class Basis:
    """What a gate rests on.

    Attributes
    ----------
    rows : int array (observations,)
        Rows of the data index.
    units : int array (observations,)
        Patient or lesion of each.
    positives : bool array (observations,), or None
        For AUROCs: the side that should rank higher.
    at_most : bool
        Whether fewer may remain: images that the model calls wrongly drop out of flips.
    layer : KnownLayer, or None
        For metrics of the inside: what is known of the layer that they read.
    """

    rows: Ints
    units: Ints
    positives: Bools | None = None
    at_most: bool = False
    layer: KnownLayer | None = None

    @property
    def n_images(self) -> int:
        """Different images."""
        return int(np.unique(self.rows).size)

    @property
    def n_units(self) -> int:
        """Different patients or lesions."""
        return int(np.unique(self.units).size)


class Bases:
    """Finds the observations of gates, in all images or within a subgroup."""

    def __init__(self, context: Context, sources: Mapping[str, ArtefactSource]) -> None:
        self._context, self._sources = context, sources
        self._trials: dict[str, tuple[Trial, ...]] = {}

    def of(self, gate: PlannedGate, stratum: Stratum | None = None) -> Basis | None:
        """Observations of a gate; None for gates that rest on no images."""
        inside = self._within(gate, stratum)
        if gate.metric in CLEAN:
            return self._clean(gate, inside)
        if gate.metric in FLIPS:
            return self._flips(gate, inside)
        if gate.metric in EFFECTS:
            rows = self._rows_of(gate, inside)
            return self._basis(rows if gate.true_class is None else rows[self._is(rows, gate.true_class)])
        if gate.metric in CHANGED:
            return self._basis(self._rows_of(gate, inside))
        if gate.metric in SEPARATIONS:
            rows = self._rows_of(gate, inside)
            return self._basis(rows, self._is(rows, gate.class_name))
        if gate.metric in INSIDE:
            return replace(self._basis(np.flatnonzero(inside)), layer=known_layer(self._context, gate))
        if gate.metric == "lesion_erased_auroc":
            return self._erased(gate, inside)
        if gate.metric == "observability":
            return self._seen(gate)
        if gate.metric == "mediated_share":
            return self._mediated(gate)
        return None

    def values(self, column: str) -> tuple[str, ...]:
        """Subgroups of a column."""
        return self._context.samples.partitions[column].values

    def _within(self, gate: PlannedGate, stratum: Stratum | None) -> Bools:
        samples = self._context.samples
        found = members(samples, gate.within)
        if stratum is not None:
            found = found & members(samples, stratum.within)
            if stratum.true_class is not None:
                found &= samples.labels == self._context.subject.classes.index(stratum.true_class)
        return found

    def _basis(self, rows: Ints, positives: Bools | None = None) -> Basis:
        return Basis(rows, self._context.samples.units[rows], positives)

    def _is(self, rows: Ints, class_name: str) -> Bools:
        index = self._context.subject.classes.index(class_name)
        return np.asarray(self._context.samples.labels[rows] == index)

    def _clean(self, gate: PlannedGate, inside: Bools) -> Basis:
        rows = np.flatnonzero(inside)
        own = self._is(rows, gate.class_name)
        if gate.metric == "auroc":
            return self._basis(rows, own)
        return self._basis(rows[own if gate.metric == "sensitivity" else ~own])

    def _flips(self, gate: PlannedGate, inside: Bools) -> Basis:
        rows = self._rows_of(gate, inside)
        source, target = gate.from_class or "", gate.to_class or ""
        kept = ~self._is(rows, target) if source == OTHER else self._is(rows, source)
        return Basis(rows[kept], self._context.samples.units[rows[kept]], at_most=True)

    def _erased(self, gate: PlannedGate, inside: Bools) -> Basis:
        samples = self._context.index.samples
        masked = [row for row, sample in enumerate(samples) if sample.mask is not None]
        limit, labels = self._context.spec.challenge.erased_images, self._context.samples.labels.tolist()
        chosen = choose_rows(masked, labels, limit, self._context.index.digests) if limit else ()
        rows = np.array([row for row in chosen if inside[row]], dtype=np.int64)
        return Basis(rows, self._context.samples.units[rows], self._is(rows, gate.class_name), at_most=True)

    def _mediated(self, gate: PlannedGate) -> Basis:
        """The first trials; units that gave the labelled components examples drop out, unless another set gave them."""
        context, name = self._context, gate.artefact or ""
        limit = context.spec.challenge.mediation_images
        if name in self._sources:
            found = [trial.row for trial in first_trials(context, name, self._sources[name], limit)]
        else:
            rows = self._unmade(name).tolist()
            found = list(choose_rows(rows, context.samples.labels.tolist(), limit, context.index.digests))
        return replace(self._basis(np.array(found, dtype=np.int64)), at_most=context.examples is None)

    def _seen(self, gate: PlannedGate) -> Basis | None:
        found = seen_images(self._context, gate.concept or "", self._sources)
        return None if found is None else Basis(found.rows, found.units, found.positives)

    def _rows_of(self, gate: PlannedGate, inside: Bools) -> Ints:
        """Row of every trial of the gate's artefact."""
        name = gate.artefact or ""
        if name not in self._sources:
            rows = self._unmade(name)
        else:
            rows = np.array([trial.row for trial in self._planned(name)], dtype=np.int64)
        return rows[inside[rows]]

    def _unmade(self, name: str) -> Ints:
        """Images of an artefact whose pictures the run makes."""
        artefact = self._context.spec.artefacts.get(name)
        rows = trial_rows(self._context, artefact) if artefact is not None else ()
        return np.repeat(np.array(rows, dtype=np.int64), self._context.spec.challenge.instances_per_image)

    def _planned(self, name: str) -> tuple[Trial, ...]:
        if name not in self._trials:
            context = self._context
            rows = trial_rows(context, context.spec.artefacts[name])
            repeats = context.spec.challenge.instances_per_image
            self._trials[name] = plan_trials(
                context.index, name, self._sources[name], rows, seed=context.spec.seed, repeats=repeats
            )
        return self._trials[name]
