"""The semantic space: embeddings of the whole images, probes of the concepts, and images with an artefact inserted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from auditlens.data.images import load_rgb
from auditlens.errors import InputError
from auditlens.gather.context import Context
from auditlens.semantics.foundation import FoundationModel
from auditlens.semantics.probes import build_space_probes, null_embedding, word_probes
from auditlens.spec.model import Concept, Foundation
from auditlens.spec.paths import resolve
from auditlens.stages.evidence import Floats, SemanticSpace

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}


def semantic_space(context: Context, inserted: Mapping[str, tuple[Floats, Floats]]) -> SemanticSpace | None:
    """Embed images and concepts; None without a foundation model.

    Parameters
    ----------
    context : Context
    inserted : mapping of concept to pair of Floats (trials, dim)
        Embeddings without and with the concept's artefact.
    """
    if context.foundation is None or context.spec.foundation is None:
        return None
    templates = context.spec.foundation.templates
    return SemanticSpace(
        image_embeddings=image_embeddings(context, context.foundation),
        probes=build_space_probes(_assessable(context), context.foundation, templates, _example_images(context)),
        null=null_embedding(context.foundation, templates),
        unrelated=word_probes(context.foundation, context.spec.controls.unrelated, templates),
        inserted=inserted,
    )


def image_embeddings(context: Context, foundation: FoundationModel) -> Floats:
    """Unit vectors of the uncropped images, (images, dim), kept by chunks."""
    total = len(context.index)
    context.progress.stage("Foundation model: whole images", total)

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        pictures = [context.load(row) for row in range(start, stop)]
        return {"embeddings": foundation.embed_images(pictures, context.batch_size)}

    key = {"data": context.index.digest, **foundation_key(context.spec.foundation, foundation), "b": context.batch_size}
    arrays = context.store.chunked("image-embeddings", key, total, context.chunk_size, compute, context.told())
    context.progress.done()
    return arrays["embeddings"]


def foundation_key(spec: Foundation | None, foundation: FoundationModel) -> dict[str, str | int | None]:
    """What the foundation model's embeddings depend on; device and threads move the last digits."""
    return {
        "foundation": foundation.sha256,
        "name": spec.model if spec else None,
        "on": str(foundation.device),
        "threads": torch.get_num_threads(),
    }


def _example_images(context: Context) -> dict[str, list[np.ndarray]]:
    return {
        name: [load_rgb(path) for path in _pictures(resolve(concept.images, context.base), name)]
        for name, concept in _assessable(context).items()
        if concept.images is not None
    }


def _assessable(context: Context) -> dict[str, Concept]:
    """Concepts that the spec does not rule out: what cannot be assessed gets no probe, so it labels nothing."""
    return {name: concept for name, concept in context.spec.concepts.items() if concept.not_assessable is None}


def _pictures(folder: Path, concept: str) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES) if folder.is_dir() else []
    if not found:
        raise InputError(f"concepts.{concept}.images: {folder} holds no pictures ({', '.join(sorted(PICTURES))})")
    return found
