"""The separability test, as the report and its table show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditlens.report.columns import estimate_columns, flat
from auditlens.report.titles import artefact_labels
from auditlens.report.wording import plain
from auditlens.stages.estimate import Estimate
from auditlens.stages.record import AuditRecord
from auditlens.stages.separability import SeparabilityFinding

SOURCES = {
    "other classes": "in other classes' images",
    "backgrounds": "on images whose lesion is erased",
    "images": "a folder of images",
}
ACROSS = "across sources the AUROC also measures the source"
SAFE, NOT_SAFE = 1.0, 0.5
"""The paper's reading of the absolute value (4.2); no gate needs it."""


@dataclass(frozen=True, slots=True)
class SeparabilityRow:
    """One line of the table."""

    finding: SeparabilityFinding
    label: str
    where: str

    @property
    def decides(self) -> Estimate | None:
        """The drop beyond the sham where there is one, else the drop."""
        return self.finding.drop_beyond_sham or self.finding.drop

    @property
    def reading(self) -> str:
        """What the paired drop says, in a few words; empty for a folder, which has none."""
        found = self.decides
        if found is None:
            return ACROSS
        if found.value is None or found.low is None or found.high is None:
            return found.note
        if found.low > 0:
            return "makes other images look like the class"
        return "makes them look less like it" if found.high < 0 else "not clear of zero"


@dataclass(frozen=True, slots=True)
class SeparabilityView:
    """All lines of one class."""

    class_name: str
    rows: tuple[SeparabilityRow, ...]


def separability_views(record: AuditRecord) -> tuple[SeparabilityView, ...]:
    """Collect the lines by class, in the order of the findings."""
    labels = artefact_labels(record)
    rows = record.findings.separability
    return tuple(
        SeparabilityView(name, tuple(_row(row, labels) for row in rows if row.class_name == name))
        for name in dict.fromkeys(row.class_name for row in rows)
    )


def _row(finding: SeparabilityFinding, labels: dict[str, str]) -> SeparabilityRow:
    several = len(finding.artefacts) > 1
    label = " + ".join(labels.get(name, plain(name)) for name in finding.artefacts) if several else ""
    return SeparabilityRow(finding, label or labels.get(finding.name, plain(finding.name)), SOURCES[finding.source])


PARTS = ("with_artefact", "without", "sham", "drop", "drop_beyond_sham")
SEPARABILITY_COLUMNS = {
    "name": "string",
    "class_name": "string",
    "source": "string",
    "artefacts": "list",
    "n_class_images": "int64",
    "n_images": "int64",
    "n_unfit": "int64",
} | {name: kind for part in PARTS for name, kind in estimate_columns(part).items()}


def separability_rows(record: AuditRecord) -> list[dict[str, Any]]:
    """One row per class and kind of spurious images: `tables/separability.parquet`."""
    return [
        {
            **row.model_dump(include={"name", "class_name", "source", "n_class_images", "n_images", "n_unfit"}),
            "artefacts": list(row.artefacts),
            **{name: cell for part in PARTS for name, cell in flat(part, getattr(row, part)).items()},
        }
        for row in record.findings.separability
    ]
