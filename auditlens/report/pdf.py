"""`report.pdf`: the same content as the HTML on A4, tagged, archivable, with `record.json` attached."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auditlens.errors import ReportError
from auditlens.report.page import render_page
from auditlens.stages.record import AuditRecord

VARIANT = "pdf/a-3a"
EPOCH = datetime(1980, 1, 1, tzinfo=UTC)
"""The one date in the file, that of the attachment: equal records give equal bytes, so no clock is read."""
PDF_UA = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"><pdfuaid:part>1</pdfuaid:part></rdf:Description></rdf:RDF>"""
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
    text = record.to_json().encode()
    page = weasyprint.HTML(
        string=render_page(run_dir, record, "pdf"),
        base_url=None,
        url_fetcher=weasyprint.urls.URLFetcher(allowed_protocols=("data",), fail_on_errors=True),
    )
    attachment = weasyprint.Attachment(
        string=text, name="record.json", description="The audit record", created=EPOCH, modified=EPOCH, relationship="Data"
    )
    return bytes(
        page.write_pdf(
            pdf_variant=VARIANT,
            pdf_identifier=hashlib.sha256(text).digest()[:16],
            attachments=[attachment],
        )
    )


def _weasyprint() -> Any:
    """Import WeasyPrint, which loads Pango as it is imported."""
    try:
        import weasyprint
        import weasyprint.urls
    except (ImportError, OSError) as error:
        raise ReportError(f"report.pdf cannot be written: WeasyPrint does not load ({error})", hint=HINT) from error
    return weasyprint
