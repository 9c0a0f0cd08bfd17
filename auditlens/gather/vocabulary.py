"""The vocabulary of the spec in the foundation model's space, kept in the store."""

from __future__ import annotations

import numpy as np
import torch

from auditlens.gather.context import Context
from auditlens.semantics.foundation import FoundationModel
from auditlens.semantics.probes import resolve_templates
from auditlens.semantics.vocabulary import embed_words
from auditlens.spec.model import Foundation
from auditlens.stages.evidence import Floats


def vocabulary_words(context: Context, spec: Foundation, foundation: FoundationModel) -> dict[str, Floats]:
    """Embed the words of the spec's vocabulary, by word; none without a vocabulary or without a text encoder."""
    vocabulary = context.spec.vocabulary
    if vocabulary is None or not foundation.reads_text:
        return {}
    words = vocabulary.words
    context.progress.stage(f"Foundation model: {len(words)} words", None)

    def compute() -> dict[str, np.ndarray]:
        return {"words": embed_words(foundation, words, spec.templates)}

    key = {
        "words": list(words),
        "templates": list(resolve_templates(spec.templates)),
        "foundation": foundation.sha256,
        "name": spec.model,
        "on": str(foundation.device),
        "threads": torch.get_num_threads(),
    }
    vectors = context.store.arrays("vocabulary", key, compute, n_items=len(words))["words"]
    context.progress.done()
    return dict(zip(words, vectors, strict=True))
