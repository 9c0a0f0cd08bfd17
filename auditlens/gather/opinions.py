"""Further foundation models on the same images, crops and concepts: the material of a second opinion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from auditlens.challenge.rendering import ArtefactSource
from auditlens.examine.attribution.attributor import Attributor
from auditlens.gather.context import Context
from auditlens.gather.inside import component_examples
from auditlens.gather.seen import inserted_concepts
from auditlens.gather.space import semantic_space
from auditlens.semantics.foundation import FoundationModel
from auditlens.spec.model import Foundation
from auditlens.stages.evidence import Evidence, OpinionEvidence


def opinions(
    context: Context, attributor: Attributor, sources: Mapping[str, ArtefactSource], evidence: Evidence
) -> tuple[OpinionEvidence, ...]:
    """Embed everything once more with each further model; the components and their crops stay as they are."""
    return tuple(
        _opinion(as_if_first(context, spec, model), attributor, sources, evidence)
        for spec, model in zip(context.spec.opinions, context.opinions, strict=True)
    )


def as_if_first(context: Context, spec: Foundation, model: FoundationModel) -> Context:
    """The run as it would be with another foundation model: what it measures is measured in the same way."""
    return replace(context, spec=context.spec.model_copy(update={"foundation": spec}), foundation=model)


def _opinion(
    context: Context, attributor: Attributor, sources: Mapping[str, ArtefactSource], evidence: Evidence
) -> OpinionEvidence:
    model, inserted = context.foundation, inserted_concepts(context, sources, evidence.trials)
    space = semantic_space(context, inserted)
    assert model is not None and space is not None  # a context of this room's own making
    components = {
        layer: component_examples(
            context.on_examples, attributor, layer, found.components.astype(np.int64), evidence.examples[layer]
        )
        for layer, found in evidence.components.items()
    }
    return OpinionEvidence(model.name, model.sha256, space, components)
