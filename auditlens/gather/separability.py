"""Images with spurious features only, shown to the model whose behaviour is measured, in stored chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from auditlens.challenge.asking import N_RENDERERS
from auditlens.challenge.combinations import laying_order
from auditlens.challenge.erasure import LEAST_SKIN, MARGIN
from auditlens.challenge.rendering import ArtefactSource, Image8
from auditlens.challenge.spurious import (
    Layered,
    layered_picture,
    neutral_background,
    plan_layered,
)
from auditlens.challenge.stamps import PICTURES
from auditlens.challenge.trials import choose_rows
from auditlens.data.images import load_rgb
from auditlens.data.loader import prefetch
from auditlens.errors import ArtefactError, ModelError
from auditlens.gather.context import Context
from auditlens.gather.trials import eligible_images, pictures_digest
from auditlens.spec.paths import resolve
from auditlens.stages.evidence import ArtefactTrials
from auditlens.stages.separability import SpuriousImages, SpuriousSource
from auditlens.store.folders import file_sha256

COMBINED = "combined"
Pictures = tuple[Image8 | None, ...]
"""What the model is shown of one image, in a fixed order; None where there is no such picture."""


def spurious_images(
    context: Context, sources: Mapping[str, ArtefactSource], tested: Mapping[str, ArtefactTrials]
) -> tuple[SpuriousImages, ...]:
    """Measure what `challenge.separability` asks for; other classes' images of the artefact tests are not repeated.

    Raises
    ------
    ArtefactError
        A folder without a picture.
    """
    asked = context.spec.challenge.separability
    found: list[SpuriousImages] = []
    if asked.combined:
        named = context.spec.artefacts if asked.combined == "all" else dict.fromkeys(asked.combined)
        kinds: dict[str, str] = {name: context.spec.artefacts[name].kind for name in named if name in sources}
        found += combined_images(context, {name: sources[name] for name in laying_order(kinds)})
    if asked.backgrounds:
        for name in tested:
            found += background_images(context, name, sources[name])
    return (*found, *(folder_images(context, name, folder) for name, folder in spurious_folders(context).items()))


def spurious_folders(context: Context) -> dict[str, Path]:
    """Folders of real images with spurious features only, by name; `images` for one that has none.

    Raises
    ------
    ArtefactError
        A folder is missing or holds no picture.
    """
    asked = context.spec.challenge.separability.images
    named = {"images": asked} if isinstance(asked, str) else asked or {}
    found = {name: resolve(text, context.base) for name, text in named.items()}
    for folder in found.values():
        if not folder.is_dir() or not _pictures(folder):
            raise ArtefactError(
                f"challenge.separability.images: {folder} holds no picture",
                hint="name a folder of images that show the spurious feature and not the class",
            )
    return found


def combined_images(context: Context, sources: Mapping[str, ArtefactSource]) -> list[SpuriousImages]:
    """All the given artefacts in one image, in images that are clean of every one of them."""
    clean = _clean(context, sources)
    rows = _chosen(context, clean, context.spec.challenge.separability.combined_images)
    return [_layered(context, COMBINED, "other classes", sources, rows, clean)] if rows and sources else []


def background_images(context: Context, name: str, source: ArtefactSource) -> list[SpuriousImages]:
    """One artefact on images whose lesion is erased."""
    clean = _clean(context, (name,))
    masked = [row for row in clean if context.index.samples[row].mask is not None]
    rows = _chosen(context, masked, context.spec.challenge.separability.backgrounds)
    return [_layered(context, name, "backgrounds", {name: source}, rows, clean)] if rows else []


def _clean(context: Context, names: Iterable[str]) -> list[int]:
    """Rows that are free of all the artefacts, and to which all apply."""
    free = set(range(len(context.index)))
    for name in names:
        free &= set(eligible_images(context, context.spec.artefacts[name]).rows)
    return sorted(free)


def _chosen(context: Context, rows: Sequence[int], limit: int) -> tuple[int, ...]:
    return choose_rows(rows, context.samples.labels.tolist(), limit, context.index.digests)


def _layered(
    context: Context,
    name: str,
    kind: SpuriousSource,
    sources: Mapping[str, ArtefactSource],
    rows: Sequence[int],
    clean: Sequence[int],
) -> SpuriousImages:
    planned = plan_layered(context.index, sources, rows, context.spec.seed)
    erased = kind == "backgrounds"
    key = context.behaviour_key(
        separability=kind,
        laid=list(sources),  # in this order, which the sorted keys of `described` do not say
        described={name: source.artefact.model_dump(mode="json") for name, source in sources.items()},
        pictures=[pictures_digest(context, name) for name in sources],
        trials=[[[trial.row, trial.instance] for trial in layered] for layered in planned],
        erasing=[MARGIN, LEAST_SKIN, *(_mask_digest(context, row) for row in rows)] if erased else [],
    )

    def shown(layered: Layered) -> Pictures:
        sample = context.index.samples[layered[0].row]
        image: Image8 | None = load_rgb(sample)
        assert image is not None  # a picture that cannot be read has raised
        before = neutral_background(sample, image, context.spec.seed) if erased else image
        if before is None:
            return (None, None, None)
        made = layered_picture(sample, before, sources, layered, context.spec.seed)
        return (made.before, made.inserted, made.sham)

    title = f"Separability: {name}" + (", lesions erased" if erased else "")
    found = _measured(context, title, key, planned, shown, ("before", "inserted", "sham"))
    fit = np.isfinite(found["inserted"]).all(axis=1)
    instances = np.array([[trial.instance for trial in layered] for layered in planned], dtype=np.int64)
    return SpuriousImages(
        name=name,
        source=kind,
        artefacts=tuple(sources),
        image_indices=np.asarray(rows, dtype=np.int64)[fit],
        clean_indices=np.asarray(clean, dtype=np.int64),
        instances=instances[fit],
        logits=found["inserted"][fit],
        before_logits=found["before"][fit],
        sham_logits=found["sham"][fit],
        n_unfit=int((~fit).sum()),
    )


def _mask_digest(context: Context, row: int) -> str:
    mask = context.index.samples[row].mask
    assert mask is not None  # only rows with a mask are chosen
    return file_sha256(mask)


def folder_images(context: Context, name: str, folder: Path) -> SpuriousImages:
    """Real images with spurious features only; each counts as a unit, since nothing says whose they are."""
    paths = _pictures(folder)
    window = context.spec.data.window
    key = context.behaviour_key(
        separability="images", window=window, files=[[path.name, file_sha256(path)] for path in paths]
    )
    found = _measured(
        context, f"Separability: {name}", key, paths, lambda path: (load_rgb(path, window),), ("inserted",)
    )
    none = np.full_like(found["inserted"], np.nan)
    return SpuriousImages(
        name=name,
        source="images",
        artefacts=(),
        image_indices=np.full(len(paths), -1, dtype=np.int64),
        clean_indices=np.arange(len(context.index)),
        instances=np.zeros((len(paths), 0), dtype=np.int64),
        logits=found["inserted"],
        before_logits=none,
        sham_logits=none,
    )


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in PICTURES)


def _measured(
    context: Context,
    title: str,
    key: dict[str, object],
    items: Sequence[object],
    shown: Callable[..., Pictures],
    names: tuple[str, ...],
) -> dict[str, np.ndarray]:
    """Logits of each item's pictures, name to (items, classes); NaN rows where there is no picture."""
    context.progress.stage(title, len(items))

    def prepared(item: object) -> list[torch.Tensor | None]:
        with torch.inference_mode():
            return [None if one is None else context.behaving.prepare(one) for one in shown(item)]

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        width = max(context.batch_size // len(names), 1)
        with closing(prefetch(items[start:stop], prepared, N_RENDERERS, 2 * width)) as ready:
            rows = [logits_of(context, group) for group in iter(lambda: list(islice(ready, width)), [])]
        return {name: np.concatenate([part[:, place] for part in rows]) for place, name in enumerate(names)}

    arrays = context.store.chunked("separability", key, len(items), context.chunk_size, compute, context.told())
    context.progress.done()
    return arrays


def logits_of(context: Context, ready: Sequence[Sequence[torch.Tensor | None]]) -> np.ndarray:
    """Ask the model once for all pictures of some items, (items, pictures, classes); NaN where there is none.

    Raises
    ------
    ModelError
        A value that is not finite.
    """
    flat = [one for row in ready for one in row]
    there = [place for place, one in enumerate(flat) if one is not None]
    model = context.behaving
    answers = np.full((len(flat), len(model.classes)), np.nan, dtype=np.float32)
    if there:
        with torch.inference_mode():
            batch = torch.stack([one for one in flat if one is not None])
            answers[there] = model.logits(batch.to(model.device)).float().cpu().numpy()
        if not np.isfinite(answers[there]).all():
            raise ModelError("the model gives values that are not finite for an image with spurious features")
    return answers.reshape(len(ready), -1, len(model.classes))
