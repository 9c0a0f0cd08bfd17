"""Images that carry an artefact by the score of its concept, for artefacts without (complete) flags."""

from __future__ import annotations

import numpy as np

from auditlens.findings.observability import concept_findings, image_scores
from auditlens.gather.context import Context
from auditlens.spec.model import AuditSpec
from auditlens.stages.carriers import Carriers
from auditlens.stages.evidence import Floats, SemanticSpace
from auditlens.stages.findings import ConceptFinding
from auditlens.stages.plan import AuditPlan
from auditlens.stages.states import ConceptState


def scored_concepts(spec: AuditSpec) -> tuple[str, ...]:
    """Concepts whose score says where an artefact is, each once."""
    parts = (artefact.clean_by for artefact in spec.artefacts.values())
    return tuple(dict.fromkeys(part.score for part in parts if part is not None and part.score is not None))


def carriers(context: Context, plan: AuditPlan, space: SemanticSpace | None) -> dict[str, Carriers]:
    """Tell the images that carry each concept of `clean_by`; where its score cannot tell, all count as carriers.

    A score counts where the foundation model is shown to see the concept by a labelled column or by example images.
    Insertion does not suffice: it shows only that our rendering is seen.
    """
    names = scored_concepts(context.spec)
    if not names:
        return {}
    found = {row.concept: row for row in concept_findings(context.spec, plan, context.samples, space)}
    return {name: _carriers(context, found[name], space) for name in names}


def _carriers(context: Context, finding: ConceptFinding, space: SemanticSpace | None) -> Carriers:
    name, n_images = finding.concept, len(context.index)
    shown = finding.state is ConceptState.OBSERVABLE and finding.source in ("column", "images")
    if space is None or not shown:
        because = finding.reason or "nothing measures it"
        if finding.state is ConceptState.OBSERVABLE:
            because = f"that it is seen rests on {finding.source}, not on a column or example images"
        return Carriers(name, np.ones(n_images, dtype=bool), why=f"the score of {name} cannot tell: {because}")
    scores = image_scores(space.probes[name], space)
    examples, others = _told_apart(context, finding, scores, space)
    threshold = best_threshold(examples, others)
    return Carriers(
        concept=name,
        holds=np.isnan(scores) | (scores > threshold),
        threshold=threshold,
        source=finding.source,
        share_of_examples=float(np.mean(examples > threshold)),
        share_of_others=float(np.mean(others > threshold)),
    )


def _told_apart(
    context: Context, finding: ConceptFinding, scores: Floats, space: SemanticSpace
) -> tuple[Floats, Floats]:
    """Scores with and without the concept: of the column's images, else of the examples and of all images.

    All images are examples too in part, which lowers what the threshold seems to tell apart, and leaves where it is
    best unchanged (the gap of the two shares shrinks by the same factor everywhere).
    """
    flag = context.spec.concepts[finding.concept].flag
    if finding.source == "column" and flag is not None:
        images = space.labelled(flag, context.samples)
        assert images is not None  # the finding rests on this column
        flags, scores = images.samples.columns[flag], image_scores(space.probes[finding.concept], space, images)
        known = ~np.isnan(flags) & ~np.isnan(scores)
        return scores[known & (flags > 0.5)], scores[known & (flags <= 0.5)]
    return space.probes[finding.concept].example_scores, scores[~np.isnan(scores)]


def best_threshold(examples: Floats, others: Floats) -> float:
    """The score above which examples are best told from others: the largest gap of the two shares (Youden 1950).

    Midway between two neighbouring scores; of equal gaps the lowest threshold, which leaves out more images.
    """
    values = np.unique(np.concatenate([examples, others]).astype(np.float64))
    candidates = np.concatenate([[values[0] - 1.0], (values[1:] + values[:-1]) / 2])
    above = [1 - np.searchsorted(np.sort(side), candidates, side="right") / len(side) for side in (examples, others)]
    return float(candidates[np.argmax(above[0] - above[1])])
