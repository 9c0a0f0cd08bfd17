"""The inside of the model: relevance first, then crops and embeddings of the components that matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from auditlens.examine.attribution.attributor import Attributor
from auditlens.examine.relevance import class_relevance
from auditlens.findings.selection import select_components
from auditlens.gather.context import Context
from auditlens.stages.evidence import LayerRelevance


def relevances(
    context: Context, attributor: Attributor, audited: tuple[str, ...]
) -> dict[tuple[str, str], LayerRelevance]:
    """Relevance of every layer's components for the margin of every audited class, over all images."""
    return {
        (layer, name): _relevance(context, attributor, layer, name)
        for layer in context.layer_names()
        for name in audited
    }


def _relevance(context: Context, attributor: Attributor, layer: str, class_name: str) -> LayerRelevance:
    total = len(context.images)
    class_index = context.subject.classes.index(class_name)
    context.progress.stage(f"Relevance for {class_name} at {layer}", total)

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        rows = np.arange(start, stop)
        batch = context.batch_size
        return {"shares": class_relevance(context.subject, attributor, context.images, class_index, layer, rows, batch)}

    key = context.key(layer=layer, cls=class_name, attributor=attributor.name)
    arrays = context.store.chunked("relevance", key, total, context.chunk_size, compute, context.told())
    context.progress.done()
    return LayerRelevance(layer, class_name, attributor.name, arrays["shares"])


def chosen_components(
    context: Context, found: Mapping[tuple[str, str], LayerRelevance], layer: str
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Components of a layer that matter for any audited class, in ascending order."""
    examine = context.spec.examine
    chosen = [
        select_components(relevance, examine.relevance_floor, examine.max_components)[0]
        for (name, _), relevance in found.items()
        if name == layer
    ]
    return np.unique(np.concatenate(chosen)).astype(np.int64) if chosen else np.empty(0, np.int64)
