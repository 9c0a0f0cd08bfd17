"""One pass over the images: class scores, and the images that activate each component most (paper, 3.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from auditlens.data.sample import DataIndex
from auditlens.errors import ModelError
from auditlens.examine.audited import Pooling, Progress, find_layer, input_batches, watch
from auditlens.spec.model import Output
from auditlens.stages.evidence import LayerExamples, Predictions
from auditlens.subject import LayerInfo, Subject, pool_components
from auditlens.subject.outputs import probabilities_of, to_logits


@dataclass(frozen=True, slots=True)
class Tops:
    """The most activating images of each component, among the images seen so far.

    Attributes
    ----------
    values : float32 array (components, kept)
        Pooled activations, highest first; -inf where fewer images were seen.
    rows : int64 array (components, kept)
        Rows of the data index; -1 beside -inf.
    ranks : int64 array (components, kept)
        Position of the image in the order of digests; breaks ties.
    """

    values: NDArray[np.float32]
    rows: NDArray[np.int64]
    ranks: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shard:
    """What was collected from some of the images; shards over disjoint images merge in any grouping.

    Attributes
    ----------
    rows : int64 array (images,)
    logits : float32 array (images, classes)
    tops : mapping of layer name to Tops
    sums : mapping of layer name to float64 array (labels, components)
        Pooled activations summed over the images of each label; empty where no labels were given.
    units : int64 array (images of the index,), or None
        Patient or lesion of every row of the index, where at most one image of each may exemplify a component.
    """

    rows: NDArray[np.int64]
    logits: NDArray[np.float32]
    tops: Mapping[str, Tops]
    sums: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    units: NDArray[np.int64] | None = None


def collect(
    subject: Subject,
    index: DataIndex,
    layers: Sequence[str],
    m3: int,
    pooling: Pooling = "mean",
    batch_size: int = 32,
    progress: Progress | None = None,
    one_per_unit: bool = False,
) -> tuple[Predictions, dict[str, LayerExamples]]:
    """Run the model once over all images.

    Parameters
    ----------
    subject : Subject
    index : DataIndex
    layers : sequence of str
        Names of the layers to examine.
    m3 : int
        Examples kept per component; three times m, so that intervals can redraw the top m.
    pooling : "mean" or "max"
        Over the positions of an activation map.
    batch_size : int
    progress : callable, optional
    one_per_unit : bool
        Whether a component has at most one image of each patient or lesion among its examples: its highest.

    Returns
    -------
    predictions : Predictions
        In the order of the index.
    examples : dict of layer name to LayerExamples
        In float32; ties go to the smaller image digest.

    Raises
    ------
    LayerError, ModelError
        Unknown layer; outputs or activations that are not finite.
    """
    rows = np.arange(len(index), dtype=np.int64)
    shard = collect_shard(subject, index, rows, layers, m3, pooling, batch_size, progress, one_per_unit=one_per_unit)
    return finish(shard, subject.output)


def collect_shard(
    subject: Subject,
    index: DataIndex,
    rows: NDArray[np.int64],
    layers: Sequence[str],
    m3: int,
    pooling: Pooling = "mean",
    batch_size: int = 32,
    progress: Progress | None = None,
    members: NDArray[np.float64] | None = None,
    one_per_unit: bool = False,
) -> Shard:
    """Run the model once over some rows of the index; parameters as for `collect`.

    `members`, (images of the index, labels), says by 1 which images carry which label; activations are summed by them.
    """
    ranks, units = digest_ranks(index.digests), units_of(index, one_per_unit)
    wanted = [find_layer(subject, name) for name in layers]
    tops = {layer.name: no_tops(layer.n_components, m3) for layer in wanted}
    labels = members if members is not None else np.empty((len(index), 0))
    sums = {layer.name: np.zeros((labels.shape[1], layer.n_components)) for layer in wanted}
    logits: list[NDArray[np.float32]] = []
    for part, inputs in input_batches(subject, index, rows, batch_size):
        scores, pooled = forward(subject, inputs, wanted, pooling)
        _demand_finite(_by_layer(pooled) | {"the model": scores}, index, part)
        logits.append(scores)
        for name, values in pooled.items():
            tops[name] = merge_tops(tops[name], _tops_of_batch(values, part, ranks[part]), units)
            sums[name] += labels[part].T @ values.astype(np.float64)
        if progress is not None:
            progress(len(part))
    return Shard(rows, np.concatenate(logits) if logits else np.empty((0, 0), np.float32), tops, sums, units)


def units_of(index: DataIndex, one_per_unit: bool) -> NDArray[np.int64] | None:
    """Unit of each row, where a component may have one example of each and some have several images; else None."""
    return index.unit_codes if one_per_unit and index.n_units < len(index) else None


@torch.no_grad()
def forward(
    subject: Subject, inputs: torch.Tensor, layers: Sequence[LayerInfo], pooling: Pooling
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Run one batch.

    Returns
    -------
    logits : (B, classes)
    pooled : dict of layer name to (B, components)
    """
    pooled: dict[str, NDArray[np.float32]] = {}

    def keep(layer: LayerInfo) -> Any:
        def see(output: torch.Tensor) -> None:
            pooled[layer.name] = pool_components(output.detach().float(), pooling, layer).cpu().numpy()

        return see

    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(watch(subject.module, layer.name, keep(layer)))
        logits = to_logits(subject.module(inputs), subject.output)
    return logits.float().cpu().numpy(), pooled


def digest_ranks(digests: Sequence[str]) -> NDArray[np.int64]:
    """Position of each image in the order of the digests; equal digests in the order of the rows."""
    order = np.argsort(np.asarray(digests), kind="stable")
    ranks = np.empty(len(digests), np.int64)
    ranks[order] = np.arange(len(digests))
    return ranks


def no_tops(n_components: int, kept: int) -> Tops:
    """State before any image was seen: the neutral element of `merge_tops`."""
    shape = (n_components, kept)
    values = np.full(shape, -np.inf, np.float32)
    return Tops(values, np.full(shape, -1, np.int64), np.full(shape, np.iinfo(np.int64).max))


def merge_tops(first: Tops, second: Tops, units: NDArray[np.int64] | None = None) -> Tops:
    """Keep the highest of both, as many per component as `first` keeps; associative, and blind to the order.

    With `units`, the unit of each row of the index, only the highest image of a unit is kept. This too is associative:
    a unit whose highest image was cut off lies below as many others, and so do its lower images, wherever they are.
    """
    kept = first.values.shape[1]
    values = np.concatenate([first.values, second.values], axis=1)
    rows = np.concatenate([first.rows, second.rows], axis=1)
    ranks = np.concatenate([first.ranks, second.ranks], axis=1)
    order = np.lexsort((ranks, -values), axis=1)
    take = np.take_along_axis
    if units is None:
        return Tops(*(take(part, order[:, :kept], 1) for part in (values, rows, ranks)))
    repeated = _repeats(take(rows, order, 1), units)
    order = take(order, np.argsort(repeated, axis=1, kind="stable"), 1)[:, :kept]
    gone, nothing = np.sort(repeated, axis=1)[:, :kept], no_tops(len(values), kept)
    parts = ((values, nothing.values), (rows, nothing.rows), (ranks, nothing.ranks))
    return Tops(*(np.where(gone, absent, take(part, order, 1)) for part, absent in parts))


def _repeats(rows: NDArray[np.int64], units: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a row's unit stands before it in the same line; places without an image repeat nothing."""
    absent = -1 - np.arange(rows.shape[1])
    codes = np.where(rows < 0, absent, units[rows])
    order = np.argsort(codes, axis=1, kind="stable")
    ordered = np.take_along_axis(codes, order, 1)
    repeated = np.zeros(rows.shape, dtype=bool)
    np.put_along_axis(repeated, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], 1)
    return repeated


def merge(first: Shard, second: Shard) -> Shard:
    """Merge what was collected from two disjoint sets of images; rows come in ascending order."""
    rows = np.concatenate([first.rows, second.rows])
    order = np.argsort(rows, kind="stable")
    tops = {name: merge_tops(first.tops[name], second.tops[name], first.units) for name in first.tops}
    sums = {name: first.sums[name] + second.sums[name] for name in first.sums}
    return Shard(rows[order], np.concatenate([first.logits, second.logits])[order], tops, sums, first.units)


def finish(shards: Shard | Sequence[Shard], output: Output) -> tuple[Predictions, dict[str, LayerExamples]]:
    """Turn one shard, or all of them, into the evidence of the stage; `output` is what the model returns."""
    shard = shards if isinstance(shards, Shard) else reduce(merge, shards)
    examples = {name: _to_examples(name, tops) for name, tops in shard.tops.items()}
    return Predictions(shard.logits, probabilities_of(shard.logits, output)), examples


def _tops_of_batch(values: NDArray[np.float32], rows: NDArray[np.integer], ranks: NDArray[np.int64]) -> Tops:
    shape = values.T.shape
    return Tops(values.T, np.broadcast_to(rows.astype(np.int64), shape), np.broadcast_to(ranks, shape))


def _to_examples(layer: str, tops: Tops) -> LayerExamples:
    return LayerExamples(layer, tops.rows, np.where(tops.rows < 0, np.float32(np.nan), tops.values))


def _by_layer(pooled: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    return {f"layer {name!r}": values for name, values in pooled.items()}


def _demand_finite(found: dict[str, NDArray[np.float32]], index: DataIndex, part: NDArray[np.int64]) -> None:
    """Refuse values that are not finite, naming the first image that gives them."""
    for what, values in found.items():
        wrong = ~np.isfinite(values).all(axis=1)
        if wrong.any():
            raise ModelError(
                f"{what} gives values that are not finite for {index.samples[int(part[wrong][0])].id}; "
                "its weights or its preprocessing do not fit"
            )
