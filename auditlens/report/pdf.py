"""`report.pdf`: the same content as the HTML on A4, tagged, archivable, with `record.json` attached."""

from __future__ import annotations

import hashlib
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auditlens.errors import ReportError
from auditlens.report.page import render_page, render_page_one
from auditlens.report.page_one import MAX_GATES
from auditlens.stages.collector import uncollected
from auditlens.stages.record import AuditRecord

VARIANT = "pdf/a-3a"
EPOCH = datetime(1980, 1, 1, tzinfo=UTC)
"""The one date in the file, that of the attachment: equal records give equal bytes, so no clock is read."""
LEAST_GATES = 3
"""Gates that page one shows even where it then takes two pages."""
HINT = (
    "install Pango, e.g. `apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0` on Debian and Ubuntu, "
    "`brew install pango` on macOS; then render the report again"
)


def pdf_bytes(run_dir: Path, record: AuditRecord) -> bytes:
    """Render `report.pdf`.

    Raises
    ------
    ReportError
        If WeasyPrint or the system library Pango is missing.
    """
    weasyprint = _weasyprint()
    with uncollected():
        return _bytes(weasyprint, run_dir, record)


def _bytes(weasyprint: Any, run_dir: Path, record: AuditRecord) -> bytes:
    text = record.to_json().encode()
    n_gates = gates_that_fit(weasyprint, run_dir, record)
    page = _document(weasyprint, render_page(run_dir, record, "pdf", n_gates))
    attachment = weasyprint.Attachment(
        string=text,
        name="record.json",
        description="The audit record",
        created=EPOCH,
        modified=EPOCH,
        relationship="Data",
    )
    identifier = hashlib.sha256(text).digest()[:16]
    with warnings.catch_warnings():
        # WeasyPrint leaves its own colour profile open.
        warnings.filterwarnings("ignore", message="unclosed file.*sRGB2014", category=ResourceWarning)
        return bytes(page.write_pdf(pdf_variant=VARIANT, pdf_identifier=identifier, attachments=[attachment]))


def gates_that_fit(weasyprint: Any, run_dir: Path, record: AuditRecord) -> int:
    """Find by bisection how many gates page one can show with the signatures still on it."""

    def fits(n_gates: int) -> bool:
        return len(_document(weasyprint, render_page_one(run_dir, record, n_gates)).render().pages) == 1

    low, high = LEAST_GATES, min(MAX_GATES, len(record.verdict.gates))
    if high <= low or fits(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _document(weasyprint: Any, html: str) -> Any:
    """Hand a text to WeasyPrint, which may read nothing but what the text itself holds."""
    closed = weasyprint.urls.URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
    return weasyprint.HTML(string=html, base_url=None, url_fetcher=closed)


def _weasyprint() -> Any:
    """Import WeasyPrint, which loads Pango as it is imported."""
    try:
        import weasyprint
        import weasyprint.urls
    except (ImportError, OSError) as error:
        raise ReportError(f"report.pdf cannot be written: WeasyPrint does not load ({error})", hint=HINT) from error
    return weasyprint
