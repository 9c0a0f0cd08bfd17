"""The semantic space: embeddings of the whole images, probes of the concepts, and images with an artefact inserted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from auditlens.data.images import load_rgb
from auditlens.errors import InputError
from auditlens.gather.context import Context
from auditlens.gather.vocabulary import vocabulary_words
from auditlens.semantics.columns import Kind, column_probe
from auditlens.semantics.foundation import FoundationModel
from auditlens.semantics.probes import build_space_probes, image_probe, null_embedding, uses_images, word_probes
from auditlens.spec.model import Concept, Foundation
from auditlens.spec.paths import resolve
from auditlens.stages.evidence import Floats, LabelledImages, Probe, SemanticSpace

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
COLUMN_KINDS: Mapping[str, Kind] = {"auto": "cav", "mean": "mean", "cav": "cav"}
"""How a column becomes a probe, by the concept's `probe`."""


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
    foundation, templates = context.foundation, context.spec.foundation.templates
    concepts, examples = assessable(context), _example_images(context)
    embeddings = image_embeddings(context, foundation)
    null = null_embedding(foundation, templates) if foundation.reads_text else image_probe(embeddings)
    given = build_space_probes(concepts, foundation, templates, null, examples)
    seen_on = labelled_images(context, foundation)
    images = LabelledImages(None, context.samples, embeddings)
    sources = (images,) if seen_on is None else (seen_on, images)
    made, failed = column_probes(context, sources, [name for name in concepts if name not in given])
    words = context.spec.controls.unrelated if foundation.reads_text else ()
    return SemanticSpace(
        image_embeddings=embeddings,
        probes={name: (given | made)[name] for name in concepts if name in given or name in made},
        null=null,
        unrelated=word_probes(foundation, words, templates),
        inserted=inserted,
        without_probe=failed,
        words=vocabulary_words(context, context.spec.foundation, foundation),
        seen_on=seen_on,
        drawn_from=_example_embeddings(context, foundation),
    )


def _example_embeddings(context: Context, foundation: FoundationModel) -> Floats | None:
    """Embed the set that concept examples come from; None where the audited images do."""
    if context.examples is None:
        return None
    return image_embeddings(context.on_examples, foundation, context.examples.name)


def labelled_images(context: Context, foundation: FoundationModel) -> LabelledImages | None:
    """Embed the set that shows what is seen; None where the audited images do."""
    seeing = context.seeing
    if seeing is None:
        return None
    return LabelledImages(seeing.name, seeing.samples, image_embeddings(context.on(seeing), foundation, seeing.name))


def column_probes(
    context: Context, sources: Sequence[LabelledImages], names: Sequence[str]
) -> tuple[dict[str, Probe], dict[str, str]]:
    """Make probes from labelled columns, for concepts that words and example images gave none.

    Parameters
    ----------
    sources : sequence of LabelledImages
        The first that has a concept's column gives its probe.

    Returns
    -------
    probes : dict of concept to Probe
    failed : dict of concept to str
        Why a concept has none.
    """
    probes: dict[str, Probe] = {}
    failed: dict[str, str] = {}
    for name in names:
        concept = context.spec.concepts[name]
        probe, why = None, f"{context.foundation.name if context.foundation else ''} reads no text"
        if concept.flag is not None and concept.probe in COLUMN_KINDS:
            kind = COLUMN_KINDS[concept.probe]
            found = (one for one in sources if concept.flag in one.samples.columns)
            images = next(found, sources[-1])
            probe, why = column_probe(name, images.embeddings, images.samples, concept.flag, kind, context.spec.seed)
            probe = replace(probe, made_on=images.name) if probe is not None else None
        if probe is None:
            failed[name] = why
        else:
            probes[name] = probe
    return probes, failed


def image_embeddings(context: Context, foundation: FoundationModel, name: str = "") -> Floats:
    """Unit vectors of the uncropped images, (images, dim), kept by chunks; a set is named in the progress."""
    total = len(context.index)
    context.progress.stage(f"Foundation model: whole images{f' of {name}' if name else ''}", total)

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
        "settings": foundation.settings,
        "name": spec.model if spec else None,
        "on": str(foundation.device),
        "threads": torch.get_num_threads(),
    }


def _example_images(context: Context) -> dict[str, list[np.ndarray]]:
    window = context.spec.data.window
    return {
        name: [load_rgb(path, window) for path in example_paths(context, name)]
        for name, concept in assessable(context).items()
        if uses_images(concept)
    }


def example_paths(context: Context, name: str) -> list[Path]:
    """Files of a concept's example images; none where it has no folder."""
    folder = context.spec.concepts[name].images
    return [] if folder is None else _pictures(resolve(folder, context.base), name)


def assessable(context: Context) -> dict[str, Concept]:
    """Concepts that the spec does not rule out: what cannot be assessed gets no probe, so it labels nothing."""
    return {name: concept for name, concept in context.spec.concepts.items() if concept.not_assessable is None}


def _pictures(folder: Path, concept: str) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES) if folder.is_dir() else []
    if not found:
        raise InputError(f"concepts.{concept}.images: {folder} holds no pictures ({', '.join(sorted(PICTURES))})")
    return found
