"""The report files of a run, one writer a file, each written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from auditlens.errors import AuditLensError, ReportError
from auditlens.report.gitlab import gitlab_bytes
from auditlens.report.html import html_bytes
from auditlens.report.images_first import training_images_bytes
from auditlens.report.junit import junit_bytes
from auditlens.report.markdown import summary_bytes
from auditlens.report.pdf import pdf_bytes
from auditlens.report.sarif import sarif_bytes, upload_bytes
from auditlens.report.tables import TABLES, table_writer
from auditlens.stages.record import AuditRecord
from auditlens.store.atomic import write_bytes_atomically
from auditlens.store.folders import file_sha256
from auditlens.store.run_folder import MANIFEST, OURS

Writer = Callable[[Path, AuditRecord], bytes]


def record_bytes(run_dir: Path, record: AuditRecord) -> bytes:
    """Render `record.json`: canonical, one line."""
    return record.to_json().encode()


WRITERS: dict[str, Writer] = {
    "record.json": record_bytes,
    "summary.md": summary_bytes,
    "junit.xml": junit_bytes,
    "results.sarif": sarif_bytes,
    "results.upload.sarif": upload_bytes,
    "gl-code-quality-report.json": gitlab_bytes,
    **{f"tables/{name}.parquet": table_writer(name) for name in TABLES},
    "training_images.csv": training_images_bytes,
    "report.html": html_bytes,
    "report.pdf": pdf_bytes,
}
"""By file name in the run folder; a writer turns the run folder's pictures and the record into bytes."""


def write_all(run_dir: Path, record: AuditRecord, only: Iterable[str] | None = None) -> dict[str, Path]:
    """Write the report files of a run, then the manifest.

    One writer that cannot do its work (no Pango for the PDF, say) does not keep the others from theirs: all are
    tried, the manifest covers what was written, and the errors are raised together at the end.

    Parameters
    ----------
    run_dir : Path
        The run folder, with the pictures that the record names.
    record : AuditRecord
    only : iterable of str, optional
        Names from `WRITERS`; all by default.

    Returns
    -------
    dict of str to Path
        What was written, by name, and `MANIFEST.sha256`.

    Raises
    ------
    ReportError
        After all writers have run, if any of them could not write its file.
    """
    written: dict[str, Path] = {}
    errors: list[AuditLensError] = []
    for name in _chosen(only):
        try:
            written[name] = write_bytes_atomically(run_dir / name, WRITERS[name](run_dir, record))
        except AuditLensError as error:
            errors.append(error)
    written[MANIFEST] = write_manifest(run_dir)
    if errors:
        raise ReportError("; ".join(str(error) for error in errors))
    return written


def _chosen(only: Iterable[str] | None) -> list[str]:
    names = list(WRITERS if only is None else only)
    unknown = [name for name in names if name not in WRITERS]
    if unknown:
        raise ReportError(f"no such report file: {', '.join(unknown)}; valid are {', '.join(WRITERS)}")
    return names


def write_manifest(run_dir: Path) -> Path:
    """Write `MANIFEST.sha256`, for `sha256sum -c`: what a run writes, by name, but the manifest itself.

    `RunFolder` empties the folder that it opens, so a folder that is rendered again gets its manifest here.
    """
    found = {path for pattern in OURS for path in run_dir.glob(pattern) if path.is_file()} - {run_dir / MANIFEST}
    names = sorted(path.relative_to(run_dir).as_posix() for path in found)
    lines = [f"{file_sha256(run_dir / name)}  {name}\n" for name in names]
    return write_bytes_atomically(run_dir / MANIFEST, "".join(lines).encode())
