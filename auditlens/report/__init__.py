"""An `AuditRecord` and the pictures of its run folder come in; the report files and the manifest go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from auditlens.stages.record import AuditRecord

__all__ = ["write_all"]


def write_all(run_dir: Path, record: AuditRecord, only: Iterable[str] | None = None) -> dict[str, Path]:
    """Write every report file of a run and its manifest; see `auditlens.report.write.write_all`."""
    from auditlens.report.write import write_all as write

    return write(run_dir, record, only)
