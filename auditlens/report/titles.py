"""What a gate asks, in a few words that a reader without the spec understands."""

from __future__ import annotations

from auditlens.plan.baselines import CHANGE
from auditlens.report.wording import plain
from auditlens.stages.plan import PlannedGate
from auditlens.stages.record import AuditRecord
from auditlens.verdict.sentences import subgroup_words


def artefact_labels(record: AuditRecord) -> dict[str, str]:
    """Plain words of every artefact: the label of its findings, of the spec, or its name."""
    labels = {name: plain(name) for name in record.plan.artefacts}
    for name, entry in (record.spec.get("artefacts") or {}).items():
        labels[name] = (entry or {}).get("label") or plain(name)
    return labels | {row.artefact: row.label or plain(row.artefact) for row in record.findings.artefacts}


def gate_title(gate: PlannedGate, labels: dict[str, str]) -> str:
    """Name the question of a gate, such as `ruler put in: melanoma called benign`."""
    artefact = labels.get(gate.artefact or "", plain(gate.artefact))
    where = f" on {gate.true_class} images" if gate.true_class else ""
    titles = {
        "sensitivity": f"clean images: {gate.class_name} detected (sensitivity)",
        "specificity": f"clean images: others not called {gate.class_name} (specificity)",
        "auroc": f"clean images: {gate.class_name} told from the rest (AUROC)",
        "lesion_erased_auroc": f"lesion erased: {gate.class_name} still told from the rest (AUROC)",
        "decision_flips": f"{artefact} put in: {gate.from_class} then called {gate.to_class}",
        "decision_flips_beyond_sham": f"{artefact} put in: {gate.from_class} then called {gate.to_class}, beyond sham",
        "artefact_effect": f"{artefact} put in: change of P({gate.class_name}){where}",
        "effect_minus_sham": f"{artefact} put in: change of P({gate.class_name}){where}, beyond sham",
        "spurious_relevance_share": f"{gate.class_name}: relevance on components of spurious concepts",
        "unexpected_relevance_share": f"{gate.class_name}: relevance on components that no concept explains",
        "unread_relevance_share": f"{gate.class_name}: relevance on components that nobody explains or has read",
        "mediated_share": f"{artefact} put in: share of the effect on {gate.class_name} through components labelled so",
        "separability": f"{artefact} in other classes' images: {gate.class_name} still told from them (AUROC)",
        "separability_drop": f"{artefact} put in: loss of AUROC of {gate.class_name} against other classes",
        "separability_drop_beyond_sham": f"{artefact} put in: loss of AUROC of {gate.class_name}, beyond sham",
        "flip_rate": f"{artefact} put in: decisions that change at all",
        "accuracy_drop": f"{artefact} put in: loss of accuracy",
        "strongest_spurious_component": f"{gate.class_name}: strongest single component of a spurious concept",
        "valid_coverage": f"{gate.class_name}: valid concepts that relevant components carry",
        "alignment_margin": f"{gate.class_name}: valid over spurious alignment, by relevance",
        "clarity": f"{gate.class_name}: clarity of the components, by relevance",
        "redundancy": f"{gate.class_name}: redundancy of the components, by relevance",
        "polysemanticity": f"{gate.class_name}: polysemanticity of the components, by relevance",
        "observability": f"“{plain(gate.concept)}”: can the foundation model see it (AUROC)",
    }
    title = titles.get(gate.metric, gate.id)
    if gate.metric == CHANGE:
        part = gate.id.partition("[")[2].removesuffix("]")
        return f"change plan: the same {part} as the baseline's"
    if gate.against is not None:
        than = "apart from" if gate.relation == "within" else "worse than"
        title = f"{title}, {than} {gate.against}"
    title = f"{title}; layer {gate.layer}" if gate.layer else title
    title = f"{title}; worst by {plain(gate.worst_subgroup)}" if gate.worst_subgroup else title
    return f"{title}; only {subgroup_words(gate)}" if gate.within else title
