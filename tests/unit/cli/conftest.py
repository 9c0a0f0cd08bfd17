"""A tiny verdict and record, a spec on disk, and a stand-in for `auditlens.api` that runs nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import auditlens
from auditlens.stages.findings import Estimate, Findings
from auditlens.stages.plan import AuditPlan, PlannedData, PlannedGate, PlannedModel
from auditlens.stages.record import AuditRecord, Environment
from auditlens.stages.states import ExitCode, GateState, Severity
from auditlens.stages.verdict import GateResult, Verdict
from auditlens.verdict import judged_under

SPEC = """auditlens: 1
audit: {id: CLI-1}
model: {architecture: "torchvision:resnet18", classes: [benign, melanoma]}
data: {folder: images}
decision: {class: melanoma, threshold: 0.5}
gates:
  works: {metric: sensitivity, limit: ">= 0.9"}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    for name in ("benign", "melanoma"):
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "a.png").touch()
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def make_gate(name: str = "works", severity: Severity = Severity.ERROR, **more: Any) -> PlannedGate:
    fields = {"metric": "sensitivity", "class_name": "melanoma", "relation": ">=", "bound": 0.9, "confidence": 0.95}
    return PlannedGate(id=name, name=name, severity=severity, **{**fields, **more})


def make_verdict(*states: GateState, severity: Severity = Severity.ERROR) -> Verdict:
    results = tuple(
        GateResult(
            gate=make_gate(f"gate{n}", severity),
            state=state,
            estimate=Estimate(value=0.93, low=0.91, high=0.95) if state is not GateState.NOT_EVALUATED else None,
            sentence=f"Sentence {n}.",
        )
        for n, state in enumerate(states)
    )
    counts = {state: states.count(state) for state in GateState}
    return Verdict(
        gates=results, counts=counts, n_waived=0, headline="THE HEADLINE", sentences=("First sentence.",),
        exit_code=ExitCode.HOLDS,
    )  # fmt: skip


def make_record(verdict: Verdict) -> AuditRecord:
    model = PlannedModel(
        architecture="x", weights_sha256=None, classes=("benign", "melanoma"), layers=(), n_components={},
        preprocessing="none", output="logits", decision_class="melanoma", threshold=0.5, decision_source="",
        n_parameters=1,
    )  # fmt: skip
    data = PlannedData(source="x", sha256="0", n_images=1, n_units=1, unit_column=None, class_counts={}, columns=())
    plan = AuditPlan(
        spec_sha256="0", model=model, data=data, foundation=None, audited_classes=("melanoma",), gates=(), artefacts=(),
        methods=(), seed=0, batch_size=1, n_threads=1, device="cpu",
    )  # fmt: skip
    findings = Findings(
        performance=None, concepts=(), components=(), classes=(), artefacts=(), confrontations=(), controls=(),
        gate_estimates={}, not_evaluated=(),
    )  # fmt: skip
    environment = Environment(auditlens="0", python="3", platform="x", packages={})
    return AuditRecord(spec={}, spec_text="", plan=plan, findings=findings, verdict=verdict, environment=environment)


class Api(ModuleType):
    """Remembers how `audit` was called and returns a record; raises `error` where one is set."""

    def __init__(self) -> None:
        super().__init__("auditlens.api")
        self.verdict = make_verdict(GateState.HOLDS)
        self.error: BaseException | None = None
        self.calls: list[dict[str, Any]] = []

    def audit(self, spec: Path, **options: Any) -> AuditRecord:
        self.calls.append({"spec": spec, **options})
        options["progress"].stage("examine", 2)
        options["progress"].advance(2)
        options["progress"].done()
        if self.error is not None:
            raise self.error
        return make_record(judged_under(self.verdict, options["policy"]))

    def default_out(self, loaded: Any, suffix: str = "") -> Path:
        return Path("reports") / f"{loaded.spec.audit.id}-{loaded.sha256[:8]}"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    fake = Api()
    monkeypatch.setitem(sys.modules, "auditlens.api", fake)
    monkeypatch.setattr(auditlens, "api", fake, raising=False)
    return fake
