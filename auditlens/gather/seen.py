"""Images without and with an artefact in the foundation model's space: can it see the artefact at all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from auditlens.challenge.pairs import render_pair
from auditlens.challenge.rendering import ArtefactSource
from auditlens.findings.confrontation import artefact_of
from auditlens.gather.context import Context
from auditlens.gather.space import foundation_key
from auditlens.gather.trials import described, pictures_digest
from auditlens.semantics.foundation import FoundationModel
from auditlens.spec.model import Concept
from auditlens.stages.evidence import ArtefactTrials, Floats

N_SEEN = 120
"""Trials embedded per concept; their AUROC's interval is then about 0.1 wide."""


def inserted_concepts(
    context: Context, sources: Mapping[str, ArtefactSource], trials: Mapping[str, ArtefactTrials]
) -> dict[str, tuple[Floats, Floats]]:
    """Embed images without and with an artefact, for concepts that nothing else shows to be seen, by concept."""
    if context.foundation is None:
        return {}
    found = {}
    for name, concept in context.spec.concepts.items():
        artefact = artefact_of(context.spec, name)
        if artefact is not None and artefact in trials and needs_insertion(concept, context):
            found[name] = inserted_embeddings(
                context, context.foundation, artefact, sources[artefact], trials[artefact]
            )
    return found


def needs_insertion(concept: Concept, context: Context) -> bool:
    """Whether nothing but an insertion can show that a concept is seen."""
    return not (context.labelling(concept.flag) is not None or concept.images or concept.not_assessable)


def inserted_embeddings(
    context: Context, foundation: FoundationModel, artefact: str, source: ArtefactSource, trials: ArtefactTrials
) -> tuple[Floats, Floats]:
    """Embed some trials' images before and after the insertion; two arrays (trials, dim).

    Insertion shows only that the foundation model sees our rendering of the artefact; the report says so.
    """
    seed = context.spec.seed
    chosen = np.unique(np.linspace(0, len(trials.image_indices) - 1, N_SEEN).astype(int))
    context.progress.stage(f"Foundation model: inserted {artefact}", len(chosen))

    def compute() -> dict[str, np.ndarray]:
        pairs = [render_pair(context.index, artefact, source, trials, int(trial), seed) for trial in chosen]
        clean = foundation.embed_images([before for before, _, _ in pairs], context.batch_size)
        after = foundation.embed_images([after for _, after, _ in pairs], context.batch_size)
        return {"before": clean, "after": after}

    key = {
        "data": context.index.digest,
        "seed": seed,
        "artefact": artefact,
        "described": described(context.spec.artefacts[artefact]),
        "pictures": pictures_digest(context, artefact),
        "trials": chosen.tolist(),
        "rows": trials.image_indices[chosen].tolist(),
        "instances": trials.instances[chosen].tolist(),
        "batch": context.batch_size,
        **foundation_key(context.spec.foundation, foundation),
    }
    arrays = context.store.arrays("inserted-embeddings", key, compute, n_items=len(chosen))
    context.progress.done()
    return arrays["before"], arrays["after"]
