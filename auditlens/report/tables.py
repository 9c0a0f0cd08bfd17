"""`tables/*.parquet`: the numbers of the report, one row each."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from auditlens.report.columns import estimate_columns, flat
from auditlens.report.combinations import COMBINATION_COLUMNS, combination_rows
from auditlens.report.doses import DOSE_COLUMNS, dose_rows
from auditlens.report.mediation import MEDIATION_COLUMNS, mediation_rows
from auditlens.report.prevalence import PREVALENCE_COLUMNS, prevalence_rows
from auditlens.report.removal import REMOVAL_COLUMNS, removal_rows
from auditlens.report.response import RESPONSE_COLUMNS, response_rows
from auditlens.report.separability import SEPARABILITY_COLUMNS, separability_rows
from auditlens.report.subgroups import SUBGROUP_COLUMNS, subgroup_rows
from auditlens.report.unexpected import RELEVANT_IMAGE_COLUMNS, relevant_image_rows
from auditlens.report.vocabulary import FAITHFULNESS_COLUMNS, WORD_COLUMNS, faithfulness_rows, word_rows
from auditlens.stages.findings import ComponentFinding, Effect, Flip
from auditlens.stages.record import AuditRecord

Row = dict[str, Any]


def component_rows(record: AuditRecord) -> list[Row]:
    """One row per component and class."""
    return [
        {
            "id": row.id,
            "layer": row.layer,
            "index": row.index,
            "class_name": row.class_name,
            "state": row.state.value,
            "label": row.label,
            **flat("relevance", row.relevance),
            **flat("relevance_quantile", row.relevance_quantile),
            "relevance_max": row.relevance_max,
            "direction": row.direction,
            "best_valid": row.best_valid.concept if row.best_valid else None,
            "best_valid_raw": row.best_valid.raw if row.best_valid else None,
            "best_valid_z": row.best_valid.z if row.best_valid else None,
            "best_spurious": row.best_spurious.concept if row.best_spurious else None,
            "best_spurious_raw": row.best_spurious.raw if row.best_spurious else None,
            "best_spurious_z": row.best_spurious.z if row.best_spurious else None,
            "clarity": row.clarity,
            "polysemanticity": row.polysemanticity,
            "nearest_component": row.nearest_component,
            "similarity": row.similarity,
            "n_examples": len(row.examples),
        }
        for row in record.findings.components
    ]


def alignment_rows(record: AuditRecord) -> list[Row]:
    """One row per component and concept; a component audited for several classes counts once."""
    seen: dict[tuple[str, str], Row] = {}
    for component in record.findings.components:
        for alignment in component.alignments:
            row = {"id": component.id, "layer": component.layer, "index": component.index}
            seen.setdefault((component.id, alignment.concept), row | alignment.model_dump(mode="json"))
    return list(seen.values())


def relevance_rows(record: AuditRecord) -> list[Row]:
    """One row per component and class: mean share of relevance with its interval, and its direction."""
    return [_relevance_row(row) for row in record.findings.components]


def _relevance_row(row: ComponentFinding) -> Row:
    head = {"id": row.id, "class_name": row.class_name, "state": row.state.value, "direction": row.direction}
    return head | flat("relevance", row.relevance)


def effect_rows(record: AuditRecord) -> list[Row]:
    """One row per artefact, class and measure (change of probability or margin, or flips in one direction)."""
    rows: list[Row] = []
    for finding in record.findings.artefacts:
        head = {"artefact": finding.artefact, "class_name": finding.class_name, "mean_area": finding.mean_area}
        rows += [head | _effect_row(effect) for effect in finding.effects]
        rows += [head | _flip_row(flip) for flip in finding.flips]
    return rows


def _effect_row(effect: Effect) -> Row:
    head = {"measure": effect.scale, "true_class": effect.true_class, "share_raised": effect.share_raised}
    return head | flat("raw", effect.raw) | flat("sham", effect.sham) | flat("beyond", effect.beyond)


def _flip_row(flip: Flip) -> Row:
    head = {"measure": "flips", "true_class": flip.from_class, "to_class": flip.to_class}
    return head | flat("raw", flip.rate) | flat("sham", flip.sham) | flat("beyond", flip.beyond)


def ablation_rows(record: AuditRecord) -> list[Row]:
    """One row per group silenced, for the table."""
    return [
        {
            **row.model_dump(include={"class_name", "layer", "kind", "name", "n_components", "relevance_share"}),
            "magnitude": row.magnitude,
            "random_magnitude": row.random_magnitude,
            "n_random": row.n_random,
            **flat("margin", row.margin),
            **flat("probability", row.probability),
            **flat("beyond_random", row.beyond_random),
            **flat("accuracy", row.accuracy),
            **flat("decisions", row.decisions),
        }
        for row in record.findings.ablations
    ]


def gate_rows(record: AuditRecord) -> list[Row]:
    """One row per gate, with its limit, its outcome and the estimate that decided it."""
    return [
        result.gate.model_dump(mode="json", exclude={"requires", "within"})
        | {"within": [f"{column}={value}" for column, value in result.gate.within.items()]}
        | {"requires": list(result.gate.requires), "state": result.state.value, "waived": result.waived}
        | {"waiver": result.waiver, "sentence": result.sentence}
        | {"standing": result.standing.value if result.standing is not None else None}
        | flat("estimate", result.estimate)
        for result in record.verdict.gates
    ]


def concept_rows(record: AuditRecord) -> list[Row]:
    """One row per concept, with its observability."""
    return [
        {
            "concept": row.concept,
            "group": row.group,
            "state": row.state.value,
            "source": row.source,
            **flat("auroc", row.auroc),
            "best_rival": row.rivals[0].column if row.rivals else None,
            **flat("rival_auroc", row.rivals[0].auroc if row.rivals else None),
            "specific": row.specific,
            "in_sample": row.in_sample,
            "paraphrase_agreement": row.paraphrase_agreement,
            "reason": row.reason,
            "would_verify": row.would_verify,
            "texts": list(row.texts),
            "probe": row.probe,
        }
        for row in record.findings.concepts
    ]


TABLES: dict[str, tuple[Callable[[AuditRecord], list[Row]], dict[str, str]]] = {
    "components": (
        component_rows,
        {"id": "string", "layer": "string", "index": "int64", "class_name": "string"}
        | {"state": "string", "label": "string"}
        | estimate_columns("relevance")
        | estimate_columns("relevance_quantile")
        | {"relevance_max": "float64", "direction": "float64"}
        | {"best_valid": "string", "best_valid_raw": "float64", "best_valid_z": "float64"}
        | {"best_spurious": "string", "best_spurious_raw": "float64", "best_spurious_z": "float64"}
        | {"clarity": "float64", "polysemanticity": "float64", "nearest_component": "string", "similarity": "float64"}
        | {"n_examples": "int64"},
    ),
    "alignments": (
        alignment_rows,
        {"id": "string", "layer": "string", "index": "int64", "concept": "string", "raw": "float64", "z": "float64"}
        | {"z_low": "float64", "z_high": "float64", "passes": "bool", "counted": "bool", "flagged_share": "float64"},
    ),
    "relevances": (
        relevance_rows,
        {"id": "string", "class_name": "string", "state": "string", "direction": "float64"}
        | estimate_columns("relevance"),
    ),
    "ablations": (
        ablation_rows,
        {"class_name": "string", "layer": "string", "kind": "string", "name": "string", "n_components": "int64"}
        | {"relevance_share": "float64", "magnitude": "float64", "random_magnitude": "float64", "n_random": "int64"}
        | estimate_columns("margin")
        | estimate_columns("probability")
        | estimate_columns("beyond_random")
        | estimate_columns("accuracy")
        | estimate_columns("decisions"),
    ),
    "unexpected_images": (relevant_image_rows, RELEVANT_IMAGE_COLUMNS),
    "responses": (response_rows, RESPONSE_COLUMNS),
    "subgroups": (subgroup_rows, SUBGROUP_COLUMNS),
    "prevalences": (prevalence_rows, PREVALENCE_COLUMNS),
    "doses": (dose_rows, DOSE_COLUMNS),
    "combinations": (combination_rows, COMBINATION_COLUMNS),
    "mediation": (mediation_rows, MEDIATION_COLUMNS),
    "separability": (separability_rows, SEPARABILITY_COLUMNS),
    "removals": (removal_rows, REMOVAL_COLUMNS),
    "words": (word_rows, WORD_COLUMNS),
    "faithfulness": (faithfulness_rows, FAITHFULNESS_COLUMNS),
    "artefact_effects": (
        effect_rows,
        {"artefact": "string", "class_name": "string", "mean_area": "float64", "measure": "string"}
        | {"true_class": "string", "to_class": "string", "share_raised": "float64"}
        | estimate_columns("raw")
        | estimate_columns("sham")
        | estimate_columns("beyond"),
    ),
    "gates": (
        gate_rows,
        {"id": "string", "name": "string", "metric": "string", "class_name": "string", "artefact": "string"}
        | {"concept": "string", "from_class": "string", "to_class": "string", "true_class": "string"}
        | {"relation": "string", "bound": "float64", "severity": "string", "confidence": "float64"}
        | {"within": "list", "min_units": "int64", "worst_subgroup": "string"}
        | {"requires": "list", "rationale": "string", "risk_id": "string", "location": "string"}
        | {"clause": "string", "tags": "list", "layer": "string", "against": "string"}
        | {"state": "string", "waived": "bool", "waiver": "string", "standing": "string", "sentence": "string"}
        | estimate_columns("estimate"),
    ),
    "concepts": (
        concept_rows,
        {"concept": "string", "group": "string", "state": "string", "source": "string"}
        | estimate_columns("auroc")
        | {"best_rival": "string"}
        | estimate_columns("rival_auroc")
        | {"specific": "bool", "in_sample": "string", "paraphrase_agreement": "float64", "reason": "string"}
        | {"would_verify": "string", "texts": "list", "probe": "string"},
    ),
}
"""By name: the rows, and the type of every column, so that an empty table has the columns of a full one."""


def table_writer(name: str) -> Callable[[Path, AuditRecord], bytes]:
    """Give the writer of one table."""
    rows, columns = TABLES[name]
    return lambda run_dir, record: parquet_bytes(rows(record), columns)


def parquet_bytes(rows: list[Row], columns: dict[str, str]) -> bytes:
    """Write rows as Parquet; equal rows give equal bytes. `columns` names each column's type."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {kind: getattr(pa, kind)() for kind in ("float64", "string", "int64")}
    types |= {"bool": pa.bool_(), "list": pa.list_(pa.string())}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    unknown = {name for row in rows for name in row} - set(columns)
    assert not unknown, f"columns without a type: {sorted(unknown)}"
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()
