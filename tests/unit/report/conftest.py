"""One synthetic run folder for the whole room."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditlens.report.html import html_bytes
from auditlens.stages.record import AuditRecord
from tests.unit.report.synthetic_record import make_record

GOLDEN = Path(__file__).parents[2] / "golden" / "report"


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="session")
def record(run_dir: Path) -> AuditRecord:
    return make_record(run_dir)


@pytest.fixture(scope="session")
def html(run_dir: Path, record: AuditRecord) -> str:
    return html_bytes(run_dir, record).decode()


@pytest.fixture(scope="session")
def small(record: AuditRecord) -> AuditRecord:
    """The same audit with few components and one artefact, for what is slow to render."""
    findings = record.findings
    few = {"components": findings.components[:4], "artefacts": findings.artefacts[:1]}
    return record.model_copy(update={"findings": findings.model_copy(update=few)})
