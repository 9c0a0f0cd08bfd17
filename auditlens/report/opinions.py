"""A second foundation model's opinion, as the report shows it: beside the first, and nowhere mixed with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from markupsafe import Markup, escape

from auditlens.report.bars import AMBER, BLUE, GREEN, GREY, VIOLET
from auditlens.report.wording import plural
from auditlens.stages.findings import LabelAgreement, LabelPair, Opinion
from auditlens.stages.record import AuditRecord

N_PAIRS = 12
"""Components listed per layer and class: all on which the two differ first, then the most relevant others."""
WIDTH, HEIGHT = 640, 26
KINDS = {
    "same label": GREEN,
    "different labels": AMBER,
    "only the first labels": BLUE,
    "only the second labels": VIOLET,
    "neither labels": GREY,
}
"""What two models can make of one component, with its colour."""


@dataclass(frozen=True, slots=True)
class AgreementView:
    """One layer and class of an opinion."""

    agreement: LabelAgreement
    counts: dict[str, int]
    """By kind, the kinds that occur."""
    bar: Markup
    pairs: tuple[LabelPair, ...]
    n_hidden: int

    @staticmethod
    def kind(pair: LabelPair) -> str:
        """Say how the two labels of a component relate."""
        return kind_of_pair(pair)

    @staticmethod
    def colour(kind: str) -> str:
        """Give the colour of a kind."""
        return KINDS[kind]


@dataclass(frozen=True, slots=True)
class OpinionView:
    """One further foundation model."""

    opinion: Opinion
    agreements: tuple[AgreementView, ...]


def opinion_views(record: AuditRecord) -> tuple[OpinionView, ...]:
    """Collect the opinions; empty where the spec asks for none."""
    return tuple(
        OpinionView(opinion, tuple(_view(opinion, agreement) for agreement in opinion.agreements))
        for opinion in record.findings.opinions
    )


def opinion_sentences(record: AuditRecord) -> tuple[str, ...]:
    """One sentence per further foundation model."""
    return tuple(opinion.sentence for opinion in record.findings.opinions)


def kind_of_pair(pair: LabelPair) -> str:
    """Say how the two labels of a component relate: one of `KINDS`."""
    if pair.first is not None and pair.second is not None:
        return "same label" if pair.first == pair.second else "different labels"
    if pair.first is None and pair.second is None:
        return "neither labels"
    return "only the first labels" if pair.second is None else "only the second labels"


def _view(opinion: Opinion, agreement: LabelAgreement) -> AgreementView:
    place = (agreement.layer, agreement.class_name)
    own = [pair for pair in opinion.pairs if (pair.layer, pair.class_name) == place]
    found = Counter(kind_of_pair(pair) for pair in own)
    counts = {kind: found[kind] for kind in KINDS if found[kind]}
    differing = [pair for pair in own if kind_of_pair(pair) not in ("same label", "neither labels")]
    shown = (differing + [pair for pair in own if pair not in differing])[:N_PAIRS]
    pairs = tuple(pair for pair in own if pair in shown)
    return AgreementView(agreement, counts, counts_bar(counts), pairs, len(own) - len(pairs))


def counts_bar(counts: dict[str, int]) -> Markup:
    """Draw counts side by side, each with its number where it is wide enough."""
    total, x, parts = max(sum(counts.values()), 1), 0.0, []
    for kind, count in counts.items():
        wide = WIDTH * count / total
        box = f'x="{x:.2f}" y="0" width="{max(wide - 1, 0):.2f}" height="{HEIGHT}"'
        parts.append(f'<rect {box} fill="{KINDS[kind]}"><title>{escape(kind)}: {count}</title></rect>')
        if wide >= 18:
            style = 'fill="#ffffff" text-anchor="middle" font-family="Inter, sans-serif" font-size="11.5"'
            parts.append(f'<text x="{x + wide / 2:.2f}" y="17.5" font-weight="600" {style}>{count}</text>')
        x += wide
    said = escape(f"{plural(total, 'component')}: " + ", ".join(f"{kind} {count}" for kind, count in counts.items()))
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return Markup(f'<svg class="bar" {size} role="img" aria-label="{said}"><title>{said}</title>{"".join(parts)}</svg>')
