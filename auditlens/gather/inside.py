"""The inside of the model: relevance first, then crops and embeddings of the components that matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from auditlens.examine.attribution.attributor import Attributor
from auditlens.examine.crops import choose_heatmaps, crop_boxes
from auditlens.examine.embed import embed_components
from auditlens.examine.relevance import class_relevance
from auditlens.examine.weights import example_weights
from auditlens.findings.selection import select_components
from auditlens.gather.context import Context
from auditlens.gather.space import foundation_key
from auditlens.semantics.foundation import FoundationModel
from auditlens.stages.evidence import ComponentExamples, LayerExamples, LayerRelevance

N_NULL = 800
"""Matched random crops, from which random sets are drawn; at most two per image."""


def relevances(
    context: Context, attributor: Attributor, audited: tuple[str, ...]
) -> dict[tuple[str, str], LayerRelevance]:
    """Relevance of every layer's components for the margin of every audited class, over all images."""
    return {
        (layer, name): layer_relevance(context, attributor, layer, name)
        for layer in context.layer_names()
        for name in audited
    }


def layer_relevance(context: Context, attributor: Attributor, layer: str, class_name: str) -> LayerRelevance:
    """Relevance of one layer's components for the margin of one class, over all images."""
    total = len(context.index)
    class_index = context.subject.classes.index(class_name)
    context.progress.stage(f"Relevance for {class_name} at {layer}", total)

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        rows = np.arange(start, stop)
        batch = context.batch_size
        return {"shares": class_relevance(context.subject, attributor, context.index, class_index, layer, rows, batch)}

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


def component_examples(
    context: Context,
    attributor: Attributor,
    layer: str,
    components: np.ndarray[Any, np.dtype[np.int64]],
    examples: LayerExamples,
) -> ComponentExamples:
    """Crop and embed the concept examples of some components of a layer.

    Without a foundation model the embeddings have no dimension, and only the crops are evidence.
    """
    examine = context.spec.examine
    rows = examples.image_indices[components][:, : examine.n_examples]
    boxes = _boxes(context, attributor, layer, components, rows)
    if context.foundation is None or not len(components):
        empty = np.empty((*rows.shape, 0), np.float32)
        none = np.empty(0, np.int64)
        return ComponentExamples(layer, components, rows, boxes, empty, np.empty((0, 0), np.float32), none)
    weights = example_weights(examples.activations[components][:, : examine.n_examples], examine.example_weights)
    return replace(_embedded(context, context.foundation, layer, components, rows, boxes), weights=weights)


def _boxes(
    context: Context, attributor: Attributor, layer: str, components: np.ndarray, rows: np.ndarray
) -> np.ndarray[Any, np.dtype[np.int64]]:
    examine = context.spec.examine
    heatmaps, _ = choose_heatmaps(context.subject, examine.crops, attributor)
    n_images = int(np.unique(rows[rows >= 0]).size)
    context.progress.stage(f"Crops at {layer}", n_images)

    def compute() -> dict[str, np.ndarray]:
        crops = crop_boxes(
            context.subject,
            heatmaps,
            context.index,
            layer,
            components,
            rows,
            examine.crop_threshold,
            context.batch_size,
            context.progress.advance,
        )
        return {"boxes": crops.boxes}

    key = context.key(
        layer=layer,
        components=components.tolist(),
        rows=rows.tolist(),
        crops=heatmaps.name if heatmaps is not None else "none",
        threshold=examine.crop_threshold,
    )
    boxes = context.store.arrays("crops", key, compute, n_items=n_images)["boxes"]
    context.progress.done()
    return boxes


def _embedded(
    context: Context,
    foundation: FoundationModel,
    layer: str,
    components: np.ndarray,
    rows: np.ndarray,
    boxes: np.ndarray,
) -> ComponentExamples:
    n_null = min(N_NULL, 2 * len(context.index))
    context.progress.stage(f"Foundation model: crops at {layer}", None)

    def compute() -> dict[str, np.ndarray]:
        found = embed_components(
            foundation,
            context.index,
            layer,
            components,
            rows,
            boxes,
            n_null,
            context.spec.seed,
            context.batch_size,
            context.progress.advance,
        )
        return {
            "embeddings": found.embeddings,
            "null_embeddings": found.null_embeddings,
            "null_images": found.null_images,
        }

    key = {
        "data": context.index.digest,
        "seed": context.spec.seed,
        "rows": rows.tolist(),
        "boxes": boxes.tolist(),
        "null": n_null,
        "batch": context.batch_size,
        **foundation_key(context.spec.foundation, foundation),
    }
    arrays = context.store.arrays("component-embeddings", key, compute, n_items=n_null + int((rows >= 0).sum()))
    context.progress.done()
    return ComponentExamples(
        layer,
        components,
        rows,
        boxes,
        arrays["embeddings"],
        arrays["null_embeddings"],
        arrays["null_images"],
    )
