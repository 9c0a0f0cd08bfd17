"""The PDF: page one on one page, the same bytes twice, tagged, with the record inside."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from auditlens.errors import ReportError
from auditlens.report.pdf import pdf_bytes
from auditlens.stages.record import AuditRecord

try:
    import weasyprint  # noqa: F401
except OSError:
    pytest.skip("Pango is not installed, so no PDF can be made here", allow_module_level=True)


@pytest.fixture(scope="module")
def pdf(run_dir: Path, small: AuditRecord) -> bytes:
    return pdf_bytes(run_dir, small)


def test_equal_records_give_equal_bytes(run_dir: Path, small: AuditRecord, pdf: bytes) -> None:
    assert pdf_bytes(run_dir, small) == pdf


def test_is_tagged_and_says_its_language(pdf: bytes) -> None:
    text = inflated(pdf)
    for words in (b"/Lang (en)", b"/MarkInfo", b"/StructTreeRoot", b"pdfaid:part", b"(record.json)"):
        assert words in text


def inflated(pdf: bytes) -> bytes:
    """The file with its compressed streams opened."""
    parts = [pdf]
    for stream in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL):
        try:
            parts.append(zlib.decompress(stream))
        except zlib.error:  # a picture
            continue
    return b"\n".join(parts)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext of poppler-utils")
def test_page_one_holds_verdict_and_signatures(tmp_path: Path, pdf: bytes, small: AuditRecord) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(pdf)
    command = ["pdftotext", "-l", "1", "-layout", str(file), "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for words in (small.verdict.headline, "MEL-AUD-007", "fails, accepted", "Prepared", "Approved", "1/"):
        assert words in text


def test_without_pango_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, run_dir: Path, small: AuditRecord
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(ReportError, match="install Pango"):
        pdf_bytes(run_dir, small)
