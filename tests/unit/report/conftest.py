"""One synthetic run folder for the whole room; rendered once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from auditlens.stages.record import AuditRecord

sys.path.insert(0, str(Path(__file__).parent))
from synthetic_record import make_record  # noqa: E402


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="session")
def record(run_dir: Path) -> AuditRecord:
    return make_record(run_dir)
