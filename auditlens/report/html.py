"""`report.html`: one file, no network, no scripts."""

from __future__ import annotations

from pathlib import Path

from auditlens.report.page import render_page
from auditlens.stages.record import AuditRecord


def html_bytes(run_dir: Path, record: AuditRecord) -> bytes:
    """Render `report.html`, with pictures, fonts and charts inside."""
    return render_page(run_dir, record, "html").encode()
