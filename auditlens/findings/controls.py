"""Controls that run beside every audit: do the tools of the audit behave as they must?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from auditlens.findings.alignment import AlignmentTable
from auditlens.findings.released import twin_control
from auditlens.stages.findings import ArtefactFinding, Control
from auditlens.stages.plan import AuditPlan

RANDOM_LIMIT = 0.03
"""Share of random image sets that may get a label; z > 3 gives 0.1 to 1.5 % on real dermoscopy images."""
ENERGY = (0.8, 1.25)


def controls(
    plan: AuditPlan, tables: Mapping[str, AlignmentTable], artefacts: Iterable[ArtefactFinding]
) -> tuple[Control, ...]:
    """All controls that this run allows."""
    found = [_references(plan), *twin_control(plan.model.released)]
    for layer, table in tables.items():
        found.append(_random_sets(layer, table))
        if not math.isnan(table.unrelated_pass):  # no such words, or a foundation model that reads none
            found.append(_unrelated(layer, table))
    seen: dict[str, ArtefactFinding] = {}
    for finding in artefacts:
        seen.setdefault(finding.artefact, finding)
    found += [_sham(finding) for finding in seen.values()]
    return tuple(found)


def _references(plan: AuditPlan) -> Control:
    gap = plan.model.reference_gap
    return Control(
        name="reference predictions",
        question="Is the audited pipeline the deployed one?",
        value=gap,
        expected="every known output is met within the spec's tolerance",
        passes=None if gap is None else True,
        sentence=(
            "The spec gives no reference predictions, so nothing shows that this pipeline is the deployed one."
            if gap is None
            else f"{plan.model.n_references} known outputs were met; the largest gap is {gap:.2g} in probability."
        ),
    )


def _random_sets(layer: str, table: AlignmentTable) -> Control:
    return Control(
        name=f"random image sets, {layer}",
        question="How often does a random set of images get a label?",
        value=table.random_pass,
        expected=f"at most {100 * RANDOM_LIMIT:g} %",
        passes=table.random_pass <= RANDOM_LIMIT,
        sentence=f"{100 * table.random_pass:.1f} % of fresh random image sets got a label.",
    )


def _unrelated(layer: str, table: AlignmentTable) -> Control:
    return Control(
        name=f"unrelated words, {layer}",
        question="How often would an unrelated word label a component?",
        value=table.unrelated_pass,
        expected="described only: an unrelated word may follow a related one in the foundation model's space",
        passes=None,
        sentence=f"Unrelated words would label {100 * table.unrelated_pass:.0f} % of the components looked at.",
    )


def _sham(finding: ArtefactFinding) -> Control:
    ratio = finding.sham_energy_ratio
    fair = None if ratio is None else ENERGY[0] <= ratio <= ENERGY[1]
    return Control(
        name=f"sham of {finding.label}",
        question="Does the sham change the image as much as the artefact does?",
        value=ratio,
        expected=f"median energy ratio {ENERGY[0]:g} to {ENERGY[1]:g}",
        passes=fair,
        sentence=_sham_sentence(finding),
    )


def _sham_sentence(finding: ArtefactFinding) -> str:
    if finding.sham_energy_ratio is not None:
        return f"The sham of {finding.label} has {finding.sham_energy_ratio:.2f} times the artefact's pixel energy."
    if finding.effects[0].beyond is None:
        return f"No sham was run for {finding.label}; its effect includes that of any disturbance."
    return f"Inserting {finding.label} changed no pixel of any image, so its sham cannot be compared with it."
