"""What the report shows of layers: where in the network relevance lies, in which words, and how alike layers are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from auditlens.report import bars
from auditlens.report.heatmap import heatmap
from auditlens.stages.findings import ClassFinding, Findings
from auditlens.stages.labelling import Faithfulness, SetSimilarity, VocabularyFinding, WordCount
from auditlens.stages.states import ComponentState

N_WORDS = 12
N_FAITHFULNESS = 20


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer for one class: its states as a bar, and its largest labels."""

    finding: ClassFinding
    stacked: Markup
    labels: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class VocabularyView:
    """One layer in the words of the vocabulary."""

    finding: VocabularyFinding
    categories: tuple[WordCount, ...]
    """Those that label anything by either rule, the most frequent decided one first."""
    n_none_paper: int
    n_none_decided: int
    words: tuple[WordCount, ...]
    """The most frequent words by the decided rule."""
    n_more_words: int


@dataclass(frozen=True, slots=True)
class LayersView:
    """The section on layers; empty parts are left out."""

    rows: tuple[LayerRow, ...]
    vocabulary: tuple[VocabularyView, ...]
    heatmap: Markup | None
    similarities: tuple[SetSimilarity, ...]
    faithfulness: tuple[Faithfulness, ...]
    n_more_faithfulness: int

    @property
    def shown(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.rows or self.vocabulary or self.similarities or self.faithfulness)


def layers_view(findings: Findings) -> LayersView:
    """Collect the section."""
    scored = sorted(findings.faithfulness, key=lambda row: (row.phi, row.id))
    return LayersView(
        rows=tuple(_row(finding) for finding in findings.classes_by_layer),
        vocabulary=tuple(_vocabulary(finding) for finding in findings.vocabulary),
        heatmap=_heatmap(findings.set_similarity),
        similarities=findings.set_similarity,
        faithfulness=tuple(scored[:N_FAITHFULNESS]),
        n_more_faithfulness=max(len(scored) - N_FAITHFULNESS, 0),
    )


def _row(finding: ClassFinding) -> LayerRow:
    order = [state for state in ComponentState if state in finding.share_by_state]
    segments = [(state.value, finding.share_by_state[state].value or 0.0, bars.colour_of(state)) for state in order]
    shares = sorted(((name, row.value or 0.0) for name, row in finding.share_by_concept.items()), key=_largest_first)
    return LayerRow(finding, bars.stacked_bar([one for one in segments if one[1] > 0], 420), tuple(shares[:3]))


def _largest_first(pair: tuple[str, float]) -> float:
    return -pair[1]


def _vocabulary(finding: VocabularyFinding) -> VocabularyView:
    named = [row for row in finding.categories if row.n_paper or row.n_decided]
    decided = [row for row in finding.words if row.n_decided]
    return VocabularyView(
        finding=finding,
        categories=tuple(sorted(named, key=lambda row: (-row.n_decided, -row.n_paper))),
        n_none_paper=finding.n_components - sum(row.n_paper for row in finding.categories),
        n_none_decided=finding.n_components - sum(row.n_decided for row in finding.categories),
        words=tuple(decided[:N_WORDS]),
        n_more_words=max(len(decided) - N_WORDS, 0),
    )


def _heatmap(rows: Iterable[SetSimilarity]) -> Markup | None:
    values = {(row.source, row.target): row.similarity.value for row in rows if row.similarity.value is not None}
    names = list(dict.fromkeys(source for source, _ in values))
    if not names:
        return None
    return heatmap(names, values, "Set similarity of each layer (row) in each other (column)")
