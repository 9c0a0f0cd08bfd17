"""AuditRecord: the whole run in one self-describing value; every report is rendered from it and the run's files."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from auditlens.stages.base import Stage, canonical_json
from auditlens.stages.findings import Findings
from auditlens.stages.plan import AuditPlan
from auditlens.stages.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1


class Environment(Stage):
    """What ran: versions only, no times, so that equal runs give equal bytes."""

    auditlens: str
    python: str
    platform: str
    packages: dict[str, str]


class AuditRecord(Stage):
    """One audit from spec to verdict."""

    schema_version: int = SCHEMA_VERSION
    spec: dict[str, Any]
    """The spec as it was understood: includes merged, defaults filled in."""
    spec_text: str
    """The spec file as it was written."""
    plan: AuditPlan
    findings: Findings
    verdict: Verdict
    environment: Environment
    images: dict[str, str] = {}
    """File in the run folder -> SHA-256 of its bytes."""

    @cached_property
    def components(self) -> pd.DataFrame:
        """One row per component and class."""
        import pandas as pd

        return pd.DataFrame([row.model_dump(mode="json", exclude={"examples"}) for row in self.findings.components])

    def to_json(self) -> str:
        """The bytes of `record.json`: canonical, one line, with a final newline."""
        return canonical_json(self.model_dump(mode="json", by_alias=True)) + "\n"
