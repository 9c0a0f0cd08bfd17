"""Ablation of the components that were found, on some images of every class, in stored chunks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from auditlens.challenge.ablation import ablated_logits, goes_on_from
from auditlens.challenge.trials import choose_rows
from auditlens.examine.audited import find_layer, input_batches
from auditlens.findings.ablation_groups import ablation_groups
from auditlens.findings.labels import Labels
from auditlens.gather.context import Context
from auditlens.stages.ablation import AblationGroup, Ablations
from auditlens.stages.evidence import Evidence
from auditlens.stages.plan import AuditPlan


def ablations(
    context: Context, plan: AuditPlan, evidence: Evidence, labels: Mapping[tuple[str, str], Labels]
) -> dict[str, Ablations]:
    """Silence components of every examined layer; nothing where the spec's `examine.ablation_images` is 0."""
    limit = context.spec.examine.ablation_images
    if not limit or not labels:
        return {}
    rows = choose_rows(range(len(context.index)), context.samples.labels.tolist(), limit, context.index.digests)
    return {
        layer: _layer(context, layer, ablation_groups(context.spec, plan, evidence, labels, layer), np.asarray(rows))
        for layer in context.layer_names()
    }


def _layer(context: Context, layer: str, groups: tuple[AblationGroup, ...], rows: np.ndarray) -> Ablations:
    context.progress.stage(f"Silencing components of {layer}", len(rows))
    found = find_layer(context.subject, layer)
    members = [(), *(group.components for group in groups)]

    @cache
    def in_one_pass() -> bool:
        """Tried when something is computed, not where all of it is stored."""
        trial = input_batches(context.subject, context.index, rows[: context.batch_size], context.batch_size)
        return goes_on_from(context.subject, next(iter(trial))[1], found)

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        parts = [
            ablated_logits(context.subject, inputs, found, members, in_one_pass=in_one_pass()).float().cpu().numpy()
            for _, inputs in input_batches(context.subject, context.index, rows[start:stop], context.batch_size)
        ]
        return {"logits": np.concatenate([part.transpose(1, 0, 2) for part in parts])}

    key = context.key(layer=layer, silenced=[list(group) for group in members], rows=rows.tolist())
    logits = context.store.chunked("ablations", key, len(rows), context.chunk_size, compute, context.told())["logits"]
    context.progress.done()
    by_group = np.asarray(logits).transpose(1, 0, 2)
    return Ablations(layer, groups, rows, by_group[0], by_group[1:])
