"""Mediation: the first trials of each artefact test again, with components of the last layer at their clean values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from auditlens.challenge.ablation import goes_on_from
from auditlens.challenge.draws import digest_of
from auditlens.challenge.mediation import patched_logits
from auditlens.challenge.rendering import ArtefactSource
from auditlens.challenge.trials import Trial
from auditlens.errors import ModelError
from auditlens.examine.audited import find_layer, input_batches
from auditlens.findings.ablation import probabilities_of
from auditlens.findings.decision import OperatingPoint
from auditlens.findings.labels import Labels
from auditlens.findings.mediation_groups import mediation_groups, units_that_choose
from auditlens.findings.observability import concept_findings
from auditlens.gather.context import Context
from auditlens.gather.responses import first_trials, trial_inputs
from auditlens.gather.trials import pictures_digest
from auditlens.stages.evidence import Evidence
from auditlens.stages.mediation import MediationGroup, Mediations
from auditlens.stages.plan import AuditPlan
from auditlens.subject import LayerInfo


def mediations(
    context: Context,
    plan: AuditPlan,
    evidence: Evidence,
    labels: Mapping[tuple[str, str], Labels],
    sources: Mapping[str, ArtefactSource],
) -> dict[str, Mediations]:
    """Measure mediation for every artefact that was tested; nothing where `challenge.mediation_images` is 0.

    The layer is the last one examined, where gates look. The trials are those of the artefact test on the first so
    many images of each class, with the same pixels, without a sham: components are patched from the clean image.
    """
    if not context.spec.challenge.mediation_images or not labels or not evidence.trials:
        return {}
    measured = _Measurement(context, plan, find_layer(context.subject, context.layer_names()[-1]))
    concepts = {row.concept: row for row in concept_findings(context.spec, plan, evidence.samples, evidence.space)}
    names = [digest_of("mediation", context.spec.seed, digest) for digest in context.index.digests]
    chooses = units_that_choose(evidence.samples.units, names)
    found: dict[str, Mediations] = {}
    for artefact in evidence.trials:
        groups, free = mediation_groups(
            context.spec, plan, evidence, concepts, labels, artefact, measured.layer.name, chooses
        )
        if groups:
            found[artefact] = measured.of_artefact(artefact, sources[artefact], groups, free)
    return found


@dataclass
class _Measurement:
    """One layer of one model, tried at most once for its shortcut."""

    context: Context
    plan: AuditPlan
    layer: LayerInfo

    @cached_property
    def in_one_pass(self) -> bool:
        """Tried when something is computed, not where all of it is stored."""
        rows = np.arange(min(self.context.batch_size, len(self.context.index)))
        trial = input_batches(self.context.subject, self.context.index, rows, self.context.batch_size)
        return goes_on_from(self.context.subject, next(iter(trial))[1], self.layer)

    def of_artefact(
        self, name: str, source: ArtefactSource, groups: tuple[MediationGroup, ...], free: np.ndarray
    ) -> Mediations:
        context, classes = self.context, tuple(dict.fromkeys(group.class_name for group in groups))
        trials = first_trials(context, name, source, context.spec.challenge.mediation_images)
        context.progress.stage(f"Mediation by components: {name}", len(trials))

        def compute(start: int, stop: int) -> dict[str, np.ndarray]:
            step = max(context.batch_size // 2, 1)
            parts = [
                self._batch(name, source, trials[begin : min(begin + step, stop)], groups, classes)
                for begin in range(start, stop, step)
            ]
            return {array: np.concatenate([part[array] for part in parts]) for array in parts[0]}

        artefact = context.spec.artefacts[name]
        key = context.key(
            artefact=name,
            described=artefact.model_dump(mode="json"),
            pictures=pictures_digest(context, name),
            trials=[[trial.row, trial.repetition, trial.instance] for trial in trials],
            layer=self.layer.name,
            groups=[[group.class_name, list(group.components)] for group in groups],
        )
        arrays = context.store.chunked("mediations", key, len(trials), context.chunk_size, compute, context.told())
        context.progress.done()
        rows = np.array([trial.row for trial in trials], dtype=np.int64)
        return Mediations(
            artefact=name,
            layer=self.layer.name,
            groups=groups,
            image_indices=rows,
            instances=np.array([trial.instance for trial in trials], dtype=np.int64),
            used=free[:, rows],
            clean={cls: arrays["clean"][:, place].T for place, cls in enumerate(classes)},
            inserted={cls: arrays["inserted"][:, place].T for place, cls in enumerate(classes)},
            patched=arrays["patched"].transpose(1, 2, 0),
        )

    def _batch(
        self,
        name: str,
        source: ArtefactSource,
        trials: Sequence[Trial],
        groups: Sequence[MediationGroup],
        classes: Sequence[str],
    ) -> dict[str, np.ndarray]:
        """One batch: (trials, classes, 2) without and with the artefact, (trials, groups, 2) patched."""
        clean, inserted, _ = trial_inputs(self.context, name, source, trials, with_sham=False)
        members = [(), *(group.components for group in groups)]
        plain, patched = patched_logits(
            self.context.subject, clean, inserted, self.layer, members, in_one_pass=self.in_one_pass
        )
        return {
            "clean": np.stack([self._of_class(plain, cls) for cls in classes], axis=1),
            "inserted": np.stack([self._of_class(patched[0], cls) for cls in classes], axis=1),
            "patched": np.stack(
                [self._of_class(own, group.class_name) for own, group in zip(patched[1:], groups, strict=True)], axis=1
            ),
        }

    def _of_class(self, logits: torch.Tensor, class_name: str) -> np.ndarray:
        """Margin and probability of one class, (trials, 2)."""
        values = logits.float().cpu().numpy()
        if not np.isfinite(values).all():
            raise ModelError(
                f"the model gives values that are not finite with components of {self.layer.name!r} at clean values",
                hint="challenge.mediation_images: 0 leaves mediation out",
            )
        index = self.plan.model.classes.index(class_name)
        margin = OperatingPoint.of(self.plan.model).margin(values, index)
        return np.stack([margin, probabilities_of(self.plan, values)[:, index]], axis=1)
