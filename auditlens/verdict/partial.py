"""What a verdict over a part of the spec must say: a tier, a selection or an unsealed set decides no release."""

from __future__ import annotations

from auditlens.spec.model import AuditSpec
from auditlens.stages.plan import AuditPlan
from auditlens.verdict.protocol import protocol_words, releases


def partial_notes(spec: AuditSpec, plan: AuditPlan) -> tuple[str, ...]:
    """Why this verdict cannot release, one sentence a reason; empty where it can."""
    notes = []
    if plan.tier is not None and (why := _why_tier(spec, plan.tier)):
        notes.append(f"The tier {plan.tier} never releases: {why}.")
    if plan.selection:
        chosen = " ".join(plan.selection)
        notes.append(
            f"Only a part of the spec ran ({chosen}); its other gates were not looked at, so it cannot release."
        )
    sets = plan.data.sets
    if not sets.sealed:
        notes.append(f"The set {sets.audited} was audited, which is not the sealed one, so it cannot release.")
    return tuple(notes)


def _why_tier(spec: AuditSpec, name: str) -> str:
    tier = spec.tiers[name]
    reasons = []
    if tier.sample is not None:
        reasons.append(f"it looks at {tier.sample} images at most")
    if tier.gates:
        reasons.append(f"it runs the gates {', '.join(tier.gates)} alone")
    if tier.never_releases and not reasons:
        reasons.append("the spec says so")
    return " and ".join(reasons)


def partial_words(spec: AuditSpec, plan: AuditPlan) -> str:
    """What the headline adds: nothing for a whole spec."""
    words = [f"tier {plan.tier}"] if plan.tier is not None else []
    words += [f"set {plan.data.sets.audited}"] if not plan.data.sets.sealed else []
    words += ["selected gates only"] if plan.selection else []
    words += protocol_words(plan.protocol)
    words += ["no release"] if partial_notes(spec, plan) or not releases(plan.protocol) else []
    return f" ({', '.join(words)})" if words else ""
