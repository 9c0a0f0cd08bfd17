"""The clean passes: class scores, of the file that ships where there is one, and each component's top images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

import numpy as np
import torch

from auditlens.data.loader import batches
from auditlens.errors import ModelError
from auditlens.examine.collect import Shard, Tops, collect_shard, finish, merge, units_of
from auditlens.examine.faithfulness import label_means, label_members
from auditlens.gather.context import Context
from auditlens.stages.evidence import LayerExamples, Predictions
from auditlens.subject.outputs import probabilities_of
from auditlens.subject.released import ReleasedModel


def clean_pass(context: Context) -> tuple[Predictions, dict[str, LayerExamples]]:
    """Run over all images: scores of the model whose behaviour is measured, concept examples of the eager one.

    Concept examples are of the set that the spec names for them, else of the audited images.
    """
    context.progress.stage("Clean pass: scores and concept examples", len(context.index))
    if context.released is None:
        predictions, examples = eager_pass(context)
    else:
        predictions, examples = released_pass(context, context.released), {}
        if context.no_inside is None and context.examples is None:
            examples = eager_pass(context)[1]
    context.progress.done()
    return predictions, examples if context.examples is None else _further_examples(context, context.examples.name)


def _further_examples(context: Context, name: str) -> dict[str, LayerExamples]:
    drawn = context.on_examples
    context.progress.stage(f"Clean pass: concept examples of {name}", len(drawn.index))
    examples = eager_pass(drawn)[1]
    context.progress.done()
    return examples


def eager_pass(context: Context) -> tuple[Predictions, dict[str, LayerExamples]]:
    """Run the eager model once over all images, in stored shards that merge."""
    shards = [shard_of(context, start, stop) for start, stop in spans(context)]
    merged = reduce(merge, shards)
    predictions, examples = finish(merged, context.subject.output)
    names, members = label_members(context.samples, context.subject.classes)
    return predictions, {
        layer: replace(found, label_means=label_means(merged.sums[layer], members, names))
        for layer, found in examples.items()
    }


def spans(context: Context) -> Iterator[tuple[int, int]]:
    """First row and row behind the last of every stored chunk of the images."""
    total = len(context.index)
    return ((start, min(start + context.chunk_size, total)) for start in range(0, total, context.chunk_size))


def released_pass(context: Context, released: ReleasedModel) -> Predictions:
    """Run the file that ships once over all images, in stored chunks.

    Raises
    ------
    ModelError
        A value that is not finite.
    """

    @torch.no_grad()
    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        rows = np.arange(start, stop)
        found = batches(context.index, rows, released.prepare, context.batch_size)
        logits = np.concatenate([released.logits(inputs).cpu().numpy() for _, inputs in found])
        _demand_finite(context, logits, start)
        return {"logits": logits}

    key, total = context.behaviour_key(), len(context.index)
    logits = context.store.chunked("released-pass", key, total, context.chunk_size, compute, context.told())["logits"]
    return Predictions(logits, probabilities_of(logits, released.output))


def _demand_finite(context: Context, logits: np.ndarray, start: int) -> None:
    wrong = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if wrong.size:
        name = context.index.samples[start + int(wrong[0])].id
        raise ModelError(f"the released file gives values that are not finite for {name}")


def shard_of(context: Context, start: int, stop: int) -> Shard:
    """Scores and concept examples of some of the images, from the store or from the model."""
    examine, layers = context.spec.examine, context.layer_names()
    rows = np.arange(start, stop, dtype=np.int64)
    names, members = label_members(context.samples, context.subject.classes)
    if not layers and (scores := _kept_scores(context, start, stop, names)) is not None:
        context.progress.advance(stop - start)
        return Shard(rows, scores, {}, units=units_of(context.index, examine.one_per_unit))

    def compute() -> dict[str, np.ndarray]:
        shard = collect_shard(
            context.subject,
            context.index,
            rows,
            layers,
            3 * examine.n_examples,
            examine.pooling,
            context.batch_size,
            members=members,
            one_per_unit=examine.one_per_unit,
        )
        return _flatten(shard)

    key = _shard_key(context, start, stop, layers, names)
    arrays = context.store.arrays("clean-pass", key, compute, n_items=stop - start)
    context.progress.advance(stop - start)
    shard = _unflatten(arrays, layers, rows)
    return replace(shard, units=units_of(context.index, examine.one_per_unit))


def _shard_key(
    context: Context, start: int, stop: int, layers: tuple[str, ...], labels: tuple[str, ...]
) -> dict[str, object]:
    """Key of one chunk; the sums over labels depend on which there are, and the concepts' values make some of them."""
    examine = context.spec.examine
    settings = {"m": examine.n_examples, "pool": examine.pooling, "one_per_unit": examine.one_per_unit}
    return context.key(rows=[start, stop], layers=layers, labels=labels if layers else (), **settings)


def _kept_scores(context: Context, start: int, stop: int, labels: tuple[str, ...]) -> np.ndarray | None:
    """Scores of a run that looked inside too, where there was one: the same passes; None where there was none."""
    if not context.left_aside:
        return None
    key = _shard_key(context, start, stop, context.left_aside, labels)
    kept = context.store.kept_arrays("clean-pass", key, n_items=stop - start)
    return None if kept is None else kept["logits"]


def _flatten(shard: Shard) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {"logits": shard.logits}
    for number, tops in enumerate(shard.tops.values()):
        arrays |= {f"values{number}": tops.values, f"rows{number}": tops.rows, f"ranks{number}": tops.ranks}
    arrays |= {f"sums{number}": sums for number, sums in enumerate(shard.sums.values())}
    return arrays


def _unflatten(arrays: dict[str, np.ndarray], layers: tuple[str, ...], rows: np.ndarray) -> Shard:
    tops = {
        name: Tops(arrays[f"values{number}"], arrays[f"rows{number}"], arrays[f"ranks{number}"])
        for number, name in enumerate(layers)
    }
    sums = {name: arrays[f"sums{number}"] for number, name in enumerate(layers)}
    return Shard(rows, arrays["logits"], tops, sums)
