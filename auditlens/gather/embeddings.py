"""`tables/embeddings.parquet`: the semantic embeddings of a run, so that two runs compare without their models."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditlens.errors import InputError
from auditlens.examine.interpretability import component_embeddings
from auditlens.findings.labels import whole_image_examples
from auditlens.findings.similarity import similarity_estimate
from auditlens.spec.model import Examine
from auditlens.stages.evidence import ComponentExamples, Evidence
from auditlens.stages.labelling import SetSimilarity
from auditlens.stages.plan import PlannedModel
from auditlens.stages.record import AuditRecord
from auditlens.store.run_folder import RunFolder

FILE = "tables/embeddings.parquet"
By = Literal["crops", "whole images"]


def embeddings_bytes(evidence: Evidence, model: PlannedModel, examine: Examine) -> bytes | None:
    """Write theta of every examined component by its crops, and of every component by whole images, as Parquet.

    float32, one row per component and kind; None where nothing was embedded.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = [part for part in _parts(evidence, examine) if len(part[2].components) and part[2].embeddings.shape[-1]]
    if not parts:
        return None
    tables = []
    for layer, by, examples in parts:
        theta = component_embeddings(examples.embeddings, examples.weights).astype(np.float32)
        columns = {
            "id": [model.component_id(layer, int(index)) for index in examples.components],
            "layer": [layer] * len(theta),
            "index": examples.components.astype(np.int64),
            "by": [by] * len(theta),
            "n_examples": (examples.image_indices >= 0).sum(axis=1).astype(np.int64),
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(theta.ravel()), theta.shape[1]),
        }
        tables.append(pa.table(columns))
    buffer = io.BytesIO()
    pq.write_table(pa.concat_tables(tables), buffer, compression="zstd")
    return buffer.getvalue()


def keep_embeddings(folder: RunFolder, evidence: Evidence, model: PlannedModel, examine: Examine) -> None:
    """Write the embeddings into the run folder, where there are any."""
    content = embeddings_bytes(evidence, model, examine)
    if content is not None:
        folder.write_bytes(FILE, content)


def _parts(evidence: Evidence, examine: Examine) -> Iterator[tuple[str, By, ComponentExamples]]:
    for layer, examples in evidence.components.items():
        yield layer, "crops", examples
        if evidence.space is not None:
            found = evidence.examples[layer]
            whole = whole_image_examples(found, evidence.space, examine.n_examples, examine.example_weights)
            yield layer, "whole images", whole


def read_embeddings(run: Path, layer: str, by: By) -> NDArray[np.float64]:
    """Read the embeddings of one layer from a run folder, (components, dim).

    Raises
    ------
    InputError
        The run keeps no embeddings, or none of this layer and kind.
    """
    import pandas as pd

    path = run / FILE
    if not path.is_file():
        raise InputError(f"{run} keeps no embeddings ({FILE}); run the audit again with a foundation model")
    table = pd.read_parquet(path)
    kinds = ("crops", "whole images")
    if by not in kinds:
        raise InputError(f"by: {by!r} is no kind of embedding; valid are {' and '.join(kinds)}")
    rows = table[(table.layer == layer) & (table.by == by)]
    if rows.empty:
        layers = ", ".join(dict.fromkeys(table.layer))
        raise InputError(f"{run} keeps no embeddings of layer {layer!r} by {by}; it has {layers}")
    return np.stack(rows.embedding.to_list()).astype(np.float64)


def runs_similarity(
    source: tuple[Path, AuditRecord],
    target: tuple[Path, AuditRecord],
    layers: tuple[str | None, str | None],
    by: By,
) -> SetSimilarity:
    """Compare two runs; see `auditlens.set_similarity`."""
    (ours, first), (theirs, second) = source, target
    _demand_one_space(first, second)
    for run, record in (source, target):
        if not record.plan.model.layers:
            raise InputError(f"{run} has no inside to compare: only the behaviour of a released file was audited")
    names = [layer or record.plan.model.layers[-1] for layer, (_, record) in zip(layers, (source, target), strict=True)]
    thetas = [read_embeddings(run, layer, by) for run, layer in zip((ours, theirs), names, strict=True)]
    estimate = similarity_estimate(thetas[0], thetas[1], seed=first.plan.seed)
    if first.plan.data.sha256 != second.plan.data.sha256:
        said = "the two runs saw different images, so their examples differ for that reason too"
        estimate = estimate.model_copy(update={"note": "; ".join(part for part in (estimate.note, said) if part)})
    return SetSimilarity(
        source=f"{first.spec['audit']['id']} {names[0]}",
        target=f"{second.spec['audit']['id']} {names[1]}",
        n_source=len(thetas[0]),
        n_target=len(thetas[1]),
        similarity=estimate,
    )


def _demand_one_space(first: AuditRecord, second: AuditRecord) -> None:
    models = [record.plan.foundation for record in (first, second)]
    known = [model.sha256 for model in models if model is not None and model.sha256 is not None]
    if len(known) < 2:
        raise InputError("both runs need a foundation model; without one there is nothing to compare")
    if known[0] != known[1]:
        raise InputError(
            f"the runs used different foundation models ({known[0][:12]} and {known[1][:12]}); "
            "cosines between two spaces mean nothing: run both audits with the same one"
        )
