"""What a reader must know beside the gates, in the same words in every file: policy, release, notes, baseline."""

from __future__ import annotations

from auditlens.stages.states import ExitCode, GateState, Severity, Standing
from auditlens.stages.verdict import GateResult, Policy, Verdict
from auditlens.verdict.weight import Weight, weight_of

NO_RELEASE = "This run releases nothing, whatever its gates say."
WARNINGS_COUNT = "Gates of severity warn count for the exit code (--fail-on warn)."
UNDECIDED_ALLOWED = "Undecided gates do not count for the exit code (--allow-inconclusive)."
MEANINGS = {
    ExitCode.HOLDS: "no gate that counts fails or is undecided",
    ExitCode.GATE_FAILS: "a gate fails",
    ExitCode.UNDECIDED: "a gate could not be decided",
}
STANDINGS = (Standing.NEW, Standing.WORSENED, Standing.UNCHANGED, Standing.FIXED)


def remarks(verdict: Verdict) -> tuple[str, ...]:
    """Sentences that stand under the headline: that nothing is released, what counts, the baseline, the notes."""
    release = (NO_RELEASE,) if verdict.barred else ()
    return (*release, *policy_sentences(verdict.policy), *_against(verdict), *verdict.notes)


def policy_sentences(policy: Policy) -> tuple[str, ...]:
    """What differs from the usual policy."""
    warnings = (WARNINGS_COUNT,) if policy.fail_on is Severity.WARN else ()
    return (*warnings, UNDECIDED_ALLOWED) if policy.allow_inconclusive else warnings


def exit_text(verdict: Verdict) -> str:
    """Exit code with its meaning, such as `exit code 1: a gate fails`."""
    return f"exit code {int(verdict.exit_code)}: {MEANINGS.get(verdict.exit_code, 'the run did not end')}"


def standing_text(result: GateResult) -> str:
    """How a gate stands against the baseline, where that says more than its outcome; empty without a baseline."""
    if result.standing is None or (result.standing is Standing.UNCHANGED and result.state is GateState.HOLDS):
        return ""
    return result.standing.value


def has_baseline(verdict: Verdict) -> bool:
    """Whether the gates were compared with a baseline."""
    return any(result.standing is not None for result in verdict.gates)


def standing_counts(verdict: Verdict) -> dict[Standing, int]:
    """Count what stands out against the baseline: gates that hold in both are left out."""
    told = [result.standing for result in verdict.gates if standing_text(result)]
    return {standing: told.count(standing) for standing in STANDINGS if standing in told}


def _against(verdict: Verdict) -> tuple[str, ...]:
    if not has_baseline(verdict):
        return ()
    counts = ", ".join(f"{n} {standing.value}" for standing, n in standing_counts(verdict).items())
    return (f"Against the baseline: {counts or 'nothing stands out'}.",)  # the notes name them


def weights(verdict: Verdict) -> dict[Weight, int]:
    """Count gates by what they count for."""
    found = [weight_of(result, verdict.policy) for result in verdict.gates]
    return {weight: found.count(weight) for weight in Weight}
