"""`tables/*.parquet`: rows, types, and that page one can be rebuilt from them."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from auditlens.report.tables import TABLES, parquet_bytes, table_writer
from auditlens.stages.record import AuditRecord


def read(run_dir: Path, record: AuditRecord, name: str) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(table_writer(name)(run_dir, record)))


@pytest.mark.parametrize("name", TABLES)
def test_equal_records_give_equal_bytes(run_dir: Path, record: AuditRecord, name: str) -> None:
    assert table_writer(name)(run_dir, record) == table_writer(name)(run_dir, record)


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_has_the_columns_of_a_full_one(run_dir: Path, record: AuditRecord, name: str) -> None:
    full = pq.read_schema(io.BytesIO(table_writer(name)(run_dir, record)))
    empty = pq.read_schema(io.BytesIO(parquet_bytes([], TABLES[name][1])))
    assert full.equals(empty)


def test_one_row_each(run_dir: Path, record: AuditRecord) -> None:
    findings = record.findings
    assert len(read(run_dir, record, "components")) == len(findings.components)
    assert len(read(run_dir, record, "gates")) == len(record.verdict.gates)
    assert len(read(run_dir, record, "concepts")) == len(findings.concepts)
    assert len(read(run_dir, record, "artefact_effects")) == sum(
        len(row.effects) + len(row.flips) for row in findings.artefacts
    )
    alignments = read(run_dir, record, "alignments")
    assert not alignments.duplicated(["id", "concept"]).any()


def test_the_outcome_of_every_gate_follows_from_its_row(run_dir: Path, record: AuditRecord) -> None:
    gates = read(run_dir, record, "gates").set_index("id")
    for result in record.verdict.gates:
        row = gates.loc[result.gate.id]
        inside = {
            "<=": (row.estimate_high <= row.bound, row.estimate_low > row.bound),
            ">=": (row.estimate_low >= row.bound, row.estimate_high < row.bound),
            "within": (max(abs(row.estimate_low), abs(row.estimate_high)) <= row.bound, False),
        }[row.relation]
        assert result.state.value == row.state
        assert (inside[0], inside[1]) == (row.state == "holds", row.state == "fails")


def test_a_column_without_a_type_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="surprise"):
        parquet_bytes([{"surprise": 1}], {"id": "string"})
