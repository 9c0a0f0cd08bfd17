"""What was not evaluated, gathered: things left open for the same reason are said once, by name and group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from auditlens.report.wording import plain, plural
from auditlens.stages.findings import ConceptFinding, NotEvaluated
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ConceptState

FEW = 4
"""So many concepts are named where space is short; more are counted by group."""
NBSP = "\N{NO-BREAK SPACE}"
UNGROUPED = "other"
MEANING = {ConceptState.UNVERIFIED: " (nothing shows they can be seen)"}


@dataclass(frozen=True, slots=True)
class Gap:
    """Things that were not evaluated for one reason."""

    what: str
    """The thing itself, or `31 concepts unverified`."""
    why: str
    remedy: str
    concepts: tuple[ConceptFinding, ...] = ()
    """The concepts behind it; empty where it is no concept."""

    @property
    def groups(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Concepts by group, in the order of the spec; those of no group last."""
        names: dict[str, list[str]] = {}
        for row in sorted(self.concepts, key=lambda row: row.group is None):
            names.setdefault(row.group or UNGROUPED, []).append(plain(row.concept))
        return tuple((group, tuple(found)) for group, found in names.items())


@dataclass(frozen=True, slots=True)
class Unseen:
    """Concepts that no measurement speaks of, with the state and reason that they share."""

    state: str
    reason: str
    would_verify: str
    concepts: tuple[ConceptFinding, ...]


def gaps(record: AuditRecord) -> tuple[Gap, ...]:
    """Gather what was not evaluated: single things first, then concepts of one state, reason and remedy together."""
    concepts = {f"concept {row.concept} ({row.state})": row for row in record.findings.concepts}
    single: list[Gap] = []
    grouped: dict[tuple[str, str, str], list[ConceptFinding]] = {}
    for row in record.findings.not_evaluated:
        concept = concepts.get(row.what)
        if concept is None:
            single.append(_single(row))
        else:
            grouped.setdefault((concept.state.value, row.why, row.remedy), []).append(concept)
    together = [
        Gap(_counted(found, state), why, remedy, tuple(found)) for (state, why, remedy), found in grouped.items()
    ]
    return (*single, *together)


def short_gaps(record: AuditRecord) -> tuple[str, ...]:
    """Say in one short line each what was not evaluated: concepts of one state together, whatever the reason."""
    found = gaps(record)
    by_state: dict[ConceptState, Gap] = {}
    for gap in found:
        for concept in gap.concepts:
            before = by_state.get(concept.state, Gap("", "", ""))
            by_state[concept.state] = replace(before, concepts=(*before.concepts, concept))
    lines = [gap.what for gap in found if not gap.concepts]
    lines += [
        f"{_counted(gap.concepts, state)}{MEANING.get(state, '')}: {named_or_counted(gap)}"
        for state, gap in by_state.items()
    ]
    return tuple(lines)


def named_or_counted(gap: Gap) -> str:
    """Name a few concepts, count many by group, such as `ABCDE: A 10, B 4; benign 6; other 7`."""
    if len(gap.concepts) <= FEW:
        return ", ".join(plain(row.concept) for row in gap.concepts)
    families: dict[str, list[str]] = {}
    for group, names in gap.groups:
        family, _, part = group.partition("/")
        families.setdefault(family, []).append(f"{part}{NBSP}{len(names)}" if part else str(len(names)))
    return "; ".join(_family(name, counts) for name, counts in families.items())


def _family(name: str, counts: list[str]) -> str:
    return f"{name}: {', '.join(counts)}" if NBSP in counts[0] else f"{name} {', '.join(counts)}"


def unseen(concepts: Iterable[ConceptFinding]) -> tuple[Unseen, ...]:
    """Gather the concepts that nothing was measured of, by state and reason; those of a group stand together."""
    found: dict[tuple[str, str, str], list[ConceptFinding]] = {}
    for row in concepts:
        if not is_measured(row):
            found.setdefault((row.state.value, row.reason, row.would_verify), []).append(row)
    groups = dict.fromkeys(row.group for rows in found.values() for row in rows if row.group)
    place = {group: number for number, group in enumerate(groups)}
    return tuple(
        Unseen(*key, tuple(sorted(rows, key=lambda row: place.get(row.group or "", len(place)))))
        for key, rows in found.items()
    )


def is_measured(concept: ConceptFinding) -> bool:
    """Whether anything speaks of the concept: a measurement or an assumption on record."""
    return concept.auroc is not None or concept.source != "none"


def _single(row: NotEvaluated) -> Gap:
    return Gap(row.what, row.why, row.remedy)


def _counted(concepts: Iterable[ConceptFinding], state: str) -> str:
    return f"{plural(len(tuple(concepts)), 'concept')} {state}"
