"""What stands on page one: the choice of gates, sentences and pictures for a reader with one minute."""

from __future__ import annotations

from dataclasses import dataclass

from auditlens.report.baselines import shown_baselines
from auditlens.report.beside import remarks
from auditlens.report.gaps import short_gaps
from auditlens.report.wording import is_accepted, sham_moved_more
from auditlens.stages.baselines import BaselineFinding
from auditlens.stages.findings import ArtefactFinding, Confrontation, Control, Pair
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ExitCode, GateState, Severity
from auditlens.stages.verdict import GateResult, Verdict

MAX_SENTENCES, MAX_CONFRONTATIONS, MAX_REMARKS, MAX_BESIDE = 3, 3, 4, 3
MAX_GATES = 16
ORDER = (GateState.FAILS, GateState.INCONCLUSIVE, GateState.NOT_EVALUATED, GateState.HOLDS)
WORST_KINDS = ("flip", "strongest", "median", "no effect")
TYPICAL_KINDS = ("median", "no effect", "strongest", "flip")


@dataclass(frozen=True, slots=True)
class Count:
    """How many gates have one outcome."""

    state: str
    n: int
    word: str


@dataclass(frozen=True, slots=True)
class Telling:
    """The example shown on page one, and where it comes from."""

    finding: ArtefactFinding
    pair: Pair


@dataclass(frozen=True, slots=True)
class PageOne:
    """The content of page one."""

    tone: str
    """`fails`, `open`, `remarks` or `holds`: the colour of the headline."""
    counts: tuple[Count, ...]
    remarks: tuple[str, ...]
    n_more_remarks: int
    sentences: tuple[str, ...]
    n_more_sentences: int
    gates: tuple[GateResult, ...]
    baselines: tuple[BaselineFinding, ...]
    """Earlier audits whose values stand beside."""
    hidden: tuple[Count, ...]
    """Outcomes of the gates that did not fit."""
    telling: Telling | None
    confrontations: tuple[Confrontation, ...]
    n_more_confrontations: int
    not_examined: tuple[str, ...]
    n_more_not_examined: int
    controls: tuple[Control, ...]


def page_one(record: AuditRecord, n_gates: int = MAX_GATES) -> PageOne:
    """Choose what page one shows: whatever does not hold comes first, and what is left out is counted.

    Parameters
    ----------
    record : AuditRecord
    n_gates : int
        At most so many gates; fewer on paper, where the signatures must stay on the same page.
    """
    ranked = ranked_gates(record)
    open_gates = sum(result.state is not GateState.HOLDS for result in record.verdict.gates)
    sentences = record.verdict.sentences[: min(MAX_SENTENCES, max(open_gates, 1))]
    confrontations = ranked_confrontations(record)
    not_examined, said = short_gaps(record), remarks(record.verdict)
    return PageOne(
        tone=tone_of(record.verdict),
        counts=counts_of(record.verdict.gates),
        remarks=said[:MAX_BESIDE],
        n_more_remarks=max(len(said) - MAX_BESIDE, 0),
        sentences=sentences,
        n_more_sentences=max(open_gates - len(sentences), 0),
        gates=ranked[:n_gates],
        baselines=shown_baselines(record),
        hidden=counts_of(ranked[n_gates:]),
        telling=telling_pair(record, ranked),
        confrontations=confrontations[:MAX_CONFRONTATIONS],
        n_more_confrontations=max(len(confrontations) - MAX_CONFRONTATIONS, 0),
        not_examined=not_examined[:MAX_REMARKS],
        n_more_not_examined=max(len(not_examined) - MAX_REMARKS, 0),
        controls=ranked_controls(record),
    )


def ranked_controls(record: AuditRecord) -> tuple[Control, ...]:
    """Sort controls: what did not come out as expected first."""
    return tuple(sorted(record.findings.controls, key=lambda row: (row.passes is not False, row.passes is None)))


def tone_of(verdict: Verdict) -> str:
    """Colour of the headline: red or amber exactly where the exit code is not 0, green only where all gates hold."""
    if verdict.exit_code is ExitCode.HOLDS:
        return "holds" if all(row.state is GateState.HOLDS for row in verdict.gates) else "remarks"
    return "open" if verdict.exit_code is ExitCode.UNDECIDED else "fails"


def ranked_gates(record: AuditRecord) -> tuple[GateResult, ...]:
    """Sort gates: worst outcome first, accepted ones last of them, errors before warnings, then as the verdict does.

    The verdict's sentences stand worst first, so the table and the sentences above it tell the same story.
    """
    sentences = record.verdict.sentences

    def rank(result: GateResult) -> tuple[int, bool, bool, int]:
        places = (number for number, text in enumerate(sentences) if text.startswith(result.sentence.removesuffix(".")))
        said = next(places, len(sentences))
        return ORDER.index(result.state), is_accepted(result), result.gate.severity is Severity.WARN, said

    return tuple(sorted(record.verdict.gates, key=rank))


def counts_of(gates: tuple[GateResult, ...]) -> tuple[Count, ...]:
    """Count gates by outcome; an accepted failure is never counted as holding, nor as a plain failure."""
    accepted = sum(is_accepted(result) for result in gates)
    n = {state: sum(result.state is state for result in gates) for state in GateState}
    failing = n[GateState.FAILS] - accepted
    rows = (
        Count(GateState.FAILS, failing, "fail" if failing != 1 else "fails"),
        Count("fails, accepted", accepted, "fails, accepted" if accepted == 1 else "fail, accepted"),
        Count(GateState.INCONCLUSIVE, n[GateState.INCONCLUSIVE], "undecided"),
        Count(GateState.NOT_EVALUATED, n[GateState.NOT_EVALUATED], "not evaluated"),
        Count(GateState.HOLDS, n[GateState.HOLDS], "hold" if n[GateState.HOLDS] != 1 else "holds"),
    )
    return tuple(row for row in rows if row.n)


def telling_pair(record: AuditRecord, ranked: tuple[GateResult, ...]) -> Telling | None:
    """Pick the example of page one: of the first gate in rank whose artefact has pictures, else the strongest."""
    shown = [finding for finding in record.findings.artefacts if finding.pairs]
    by_key = {(finding.artefact, finding.class_name): finding for finding in shown}
    for result in ranked:
        finding = by_key.get((result.gate.artefact or "", result.gate.class_name))
        if finding is not None:
            if result.state is GateState.HOLDS:
                return Telling(finding, best_pair(finding, None, TYPICAL_KINDS))
            return Telling(finding, best_pair(finding, result.gate.from_class or result.gate.true_class))
    if not shown:
        return None
    strongest = max(shown, key=lambda finding: max(abs(pair.after - pair.before) for pair in finding.pairs))
    return Telling(strongest, best_pair(strongest, None))


def best_pair(finding: ArtefactFinding, true_class: str | None, kinds: tuple[str, ...] = WORST_KINDS) -> Pair:
    """Pick the first kind of example there is, of the class that the gate is about where there is one.

    For a gate that does not hold that is a decision that turned, for one that holds it is the typical case.
    """
    pairs = [pair for pair in finding.pairs if true_class in (None, pair.true_class)] or list(finding.pairs)
    return min(pairs, key=lambda pair: (kinds.index(pair.kind), -abs(pair.after - pair.before)))


def sham_ahead(record: AuditRecord, row: Confrontation) -> bool:
    """Whether the behaviour of a confrontation is that of a sham which moves the score further than the artefact."""
    effects = (
        effect
        for finding in record.findings.artefacts
        if (finding.artefact, finding.class_name) == (row.artefact, row.class_name)
        for effect in finding.effects
        if effect.true_class is None and effect.scale == "probability"
    )
    return any(sham_moved_more(effect) for effect in effects)


def ranked_confrontations(record: AuditRecord) -> tuple[Confrontation, ...]:
    """Sort what both lines show before what one shows, the strongest behaviour first."""
    order = ("both", "behaviour only", "inside only", "not evaluated", "neither")

    def rank(row: Confrontation) -> tuple[int, float]:
        effect = row.behaviour.value if row.behaviour else None
        return order.index(row.conclusion), -abs(effect or 0.0)

    return tuple(sorted(record.findings.confrontations, key=rank))
