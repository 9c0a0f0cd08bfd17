"""The one clean pass: class scores and the most activating images of every component."""

from __future__ import annotations

from functools import reduce

import numpy as np

from auditlens.examine.collect import Shard, Tops, collect_shard, finish, merge
from auditlens.gather.context import Context
from auditlens.stages.evidence import LayerExamples, Predictions


def clean_pass(context: Context) -> tuple[Predictions, dict[str, LayerExamples]]:
    """Run the model once over all images, in stored shards that merge."""
    total = len(context.index)
    context.progress.stage("Clean pass: scores and concept examples", total)
    starts = range(0, total, context.chunk_size)
    shards = [_shard(context, start, min(start + context.chunk_size, total)) for start in starts]
    context.progress.done()
    return finish(reduce(merge, shards), context.subject.output)


def _shard(context: Context, start: int, stop: int) -> Shard:
    examine = context.spec.examine
    rows = np.arange(start, stop, dtype=np.int64)

    def compute() -> dict[str, np.ndarray]:
        shard = collect_shard(
            context.subject,
            context.index,
            rows,
            context.layer_names(),
            3 * examine.n_examples,
            examine.pooling,
            context.batch_size,
        )
        return _flatten(shard)

    key = context.key(rows=[start, stop], layers=context.layer_names(), m=examine.n_examples, pool=examine.pooling)
    arrays = context.store.arrays("clean-pass", key, compute)
    context.progress.advance(stop - start)
    return _unflatten(arrays, context.layer_names(), rows)


def _flatten(shard: Shard) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {"logits": shard.logits}
    for number, tops in enumerate(shard.tops.values()):
        arrays |= {f"values{number}": tops.values, f"rows{number}": tops.rows, f"ranks{number}": tops.ranks}
    return arrays


def _unflatten(arrays: dict[str, np.ndarray], layers: tuple[str, ...], rows: np.ndarray) -> Shard:
    tops = {
        name: Tops(arrays[f"values{number}"], arrays[f"rows{number}"], arrays[f"ranks{number}"])
        for number, name in enumerate(layers)
    }
    return Shard(rows, arrays["logits"], tops)
