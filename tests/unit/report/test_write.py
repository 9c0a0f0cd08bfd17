"""`write_all`: every file, whole, with a manifest, also where one writer fails."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from auditlens.errors import ReportError
from auditlens.report import write_all
from auditlens.report.write import WRITERS
from auditlens.stages.record import AuditRecord

LIGHT = [name for name in WRITERS if name != "report.pdf"]


def test_writes_all_files_and_a_manifest_that_fits(tmp_path: Path, small: AuditRecord) -> None:
    written = write_all(tmp_path, small, LIGHT)
    assert set(written) == {*LIGHT, "MANIFEST.sha256"}
    lines = (tmp_path / "MANIFEST.sha256").read_text().splitlines()
    assert [line[66:] for line in lines] == sorted(LIGHT)
    for line in lines:
        assert hashlib.sha256((tmp_path / line[66:]).read_bytes()).hexdigest() == line[:64]


def test_the_record_reads_back(tmp_path: Path, small: AuditRecord) -> None:
    path = write_all(tmp_path, small, ["record.json"])["record.json"]
    assert AuditRecord.model_validate_json(path.read_bytes()).to_json() == small.to_json()


def test_one_failing_writer_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, small: AuditRecord
) -> None:
    def broken(run_dir: Path, record: AuditRecord) -> bytes:
        raise ReportError("no Pango here")

    monkeypatch.setitem(WRITERS, "summary.md", broken)
    with pytest.raises(ReportError, match="no Pango here"):
        write_all(tmp_path, small, ["summary.md", "junit.xml"])
    assert (tmp_path / "junit.xml").is_file()
    assert "junit.xml" in (tmp_path / "MANIFEST.sha256").read_text()


def test_an_unknown_name_is_refused(tmp_path: Path, small: AuditRecord) -> None:
    with pytest.raises(ReportError, match=r"no such report file: report\.docx; valid are record\.json"):
        write_all(tmp_path, small, ["report.docx"])
