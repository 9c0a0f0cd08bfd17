"""What a reader might expect, and was not evaluated: named, with the reason and what would change it."""

from __future__ import annotations

from auditlens.spec.model import AuditSpec
from auditlens.stages.eligibility import LeftOut
from auditlens.stages.evidence import Evidence
from auditlens.stages.findings import ConceptFinding, NotEvaluated
from auditlens.stages.plan import AuditPlan
from auditlens.stages.states import ConceptState


def not_evaluated(
    spec: AuditSpec, plan: AuditPlan, evidence: Evidence, concepts: tuple[ConceptFinding, ...]
) -> tuple[NotEvaluated, ...]:
    """Everything that was left open, the spec's own items first."""
    found = [NotEvaluated(what=row.what, why=row.why, remedy=row.remedy) for row in evidence.skipped]
    found += [
        _restricted(name, row) for name in evidence.trials for row in evidence.left_out.get(name, ()) if row.by_rule
    ]
    found += [_concept(finding) for finding in concepts if finding.state is not ConceptState.OBSERVABLE]
    if evidence.space is None:
        found.append(
            NotEvaluated(
                what="what the components encode",
                why="the spec names no foundation model",
                remedy="add `foundation:` with a model that knows this domain",
            )
        )
    if spec.vocabulary is not None and (evidence.space is None or not evidence.space.words):
        found.append(
            NotEvaluated(
                what="the vocabulary",
                why="no foundation model that reads text describes the components",
                remedy="name a text-image model in `foundation:`, or leave `vocabulary:` out",
            )
        )
    if spec.data.unit is None and spec.data.generate is None:
        found.append(
            NotEvaluated(
                what="dependence between images of one patient",
                why="no unit column is declared, so every image counts as its own unit",
                remedy="declare `data.unit`; intervals are too narrow where patients have several images",
            )
        )
    found += _in_common(spec, plan)
    if plan.model.decision_source == "" and plan.model.threshold is None:
        found.append(
            NotEvaluated(
                what="the device's operating point",
                why="no decision is declared, so decisions are by argmax",
                remedy="declare `decision:` with class and threshold",
            )
        )
    return tuple(found)


def _in_common(spec: AuditSpec, plan: AuditPlan) -> list[NotEvaluated]:
    """Whether the images are independent of what they must be: not where nobody looked, or something was found."""
    sets, remedy = plan.data.sets, "take these images out of the audited ones"
    found = [
        NotEvaluated(
            what=f"independence of the audited images from {row.file}",
            why=f"{row.n_found} of {row.n_checked} ids ({row.column}) are in it, and the spec lets the audit go on",
            remedy=remedy,
        )
        for row in sets.lists
        if row.n_found
    ]
    found += [
        NotEvaluated(
            what=f"independence of the sets {row.first} and {row.second}",
            why=f"they share {row.n_units or 0} units and {row.n_images} images, and the spec lets the audit go on",
            remedy=remedy,
        )
        for row in sets.overlaps
        if row.n_units or row.n_images
    ]
    if not sets.lists and spec.data.generate is None:
        why = "no list of the training data's salted ids is given"
        remedy = "`auditlens salt-ids` where the training data are, and `data.forbidden_overlap`"
        found.append(NotEvaluated(what="overlap with the training data", why=why, remedy=remedy))
    return found


def _restricted(artefact: str, row: LeftOut) -> NotEvaluated:
    """Images to which the spec says that an artefact does not apply."""
    what = f"artefact {artefact} in {row.n_images} images with {row.what}"
    return NotEvaluated(what=what, why=f"the spec leaves them out: {row.why}", remedy="an artefact that applies there")


def _concept(finding: ConceptFinding) -> NotEvaluated:
    remedy = f"give {finding.would_verify}" if finding.would_verify else ""
    return NotEvaluated(what=f"concept {finding.concept} ({finding.state})", why=finding.reason, remedy=remedy)
