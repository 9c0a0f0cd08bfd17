"""The faithfulness of the labels that components carry, where the data say which images show the label (paper, D.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from auditlens.examine.faithfulness import faithfulness, label_members
from auditlens.spec.model import AuditSpec
from auditlens.stages.evidence import Evidence, Floats
from auditlens.stages.findings import ComponentFinding
from auditlens.stages.labelling import Faithfulness, VocabularyFinding


def faithfulness_findings(
    spec: AuditSpec,
    evidence: Evidence,
    classes: Sequence[str],
    components: Iterable[ComponentFinding],
    vocabulary: Iterable[VocabularyFinding] = (),
) -> tuple[Faithfulness, ...]:
    """Score every label that has a column or is a class of the data, once per component and label.

    Concepts' labels are scored by the concept's column; words of the vocabulary by the class or column of that name.
    """
    wanted: dict[tuple[str, str], tuple[str, int, str, str]] = {}
    for row in components:
        flag = spec.concepts[row.label].flag if row.label is not None else None
        if row.label is not None and flag is not None:
            wanted.setdefault((row.id, row.label), (row.layer, row.index, row.label, flag))
    for word in (word for layer in vocabulary for word in layer.components):
        if word.label is not None:
            wanted.setdefault((word.id, word.label), (word.layer, word.index, word.label, word.label))
    names, members = label_members(evidence.example_samples, classes)
    counts = dict(zip(names, members.sum(axis=0).astype(int).tolist(), strict=True))
    rows = []
    for layer, found in evidence.examples.items():
        own = [(name, place) for (name, _), place in wanted.items() if place[0] == layer]
        rows += _layer(layer, found.label_means, own, counts)
    return tuple(rows)


def _layer(
    layer: str,
    means: Mapping[str, Floats],
    wanted: Sequence[tuple[str, tuple[str, int, str, str]]],
    counts: Mapping[str, int],
) -> list[Faithfulness]:
    scores, names = faithfulness(means), list(means)
    table = np.stack([means[name] for name in names]) if names else np.empty((0, 0))
    return [
        Faithfulness(
            id=name,
            layer=layer,
            index=index,
            label=label,
            column=column,
            phi=float(scores[column][index]),
            strongest=names[int(table[:, index].argmax())],
            n_labels=len(names),
            n_images=counts[column],
        )
        for name, (_, index, label, column) in wanted
        if column in scores and not np.isnan(scores[column][index])
    ]
