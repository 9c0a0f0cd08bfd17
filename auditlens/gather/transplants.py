"""Artefacts taken from labelled example images by a concept activation vector of the audited model (F.2.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch

from auditlens.challenge.rendering import ArtefactSource, Image8
from auditlens.challenge.stamps import PICTURES
from auditlens.challenge.transplants import Example, TransplantSource, kept_size, make_example
from auditlens.data.images import load_rgb
from auditlens.data.loader import prefetch
from auditlens.data.sample import Sample
from auditlens.errors import ArtefactError, LayerError
from auditlens.examine.geometry import declared_preprocessing, input_map
from auditlens.examine.maps import activation_grids, direction_map, grid_layer, on_image
from auditlens.findings.transplant import separation, tells
from auditlens.gather.context import Context
from auditlens.semantics.columns import FEWEST_UNITS, Direction, contrast_weights, fit, out_of_fold
from auditlens.spec.artefacts import Transplant
from auditlens.spec.paths import resolve
from auditlens.stages.evidence import Skipped
from auditlens.stages.transplant import Separated
from auditlens.store.folders import file_sha256
from auditlens.subject import LayerInfo

MOST: Final = 1000
"""Images of either side that the vector is fitted on, drawn by their hash."""
N_WORKERS: Final = 2


@dataclass(frozen=True, slots=True)
class Labelled:
    """One image with the artefact or without."""

    image: Sample | Path
    name: str
    digest: str
    unit: str
    stratum: int
    positive: bool


@dataclass(frozen=True, slots=True)
class Transplanted:
    """What became of the transplants of a spec."""

    sources: dict[str, ArtefactSource] = field(default_factory=dict)
    separated: dict[str, Separated] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()


NO_TRANSPLANT: Final = Transplanted()


def check_transplant(artefact: Transplant, base: Path) -> None:
    """Refuse folders that hold no picture, before anything is run.

    Raises
    ------
    ArtefactError
    """
    for name in ("examples", "without"):
        text = getattr(artefact, name)
        if text is not None and not _pictures(resolve(text, base)):
            kinds = ", ".join(sorted(PICTURES))
            raise ArtefactError(
                f"{name}: {resolve(text, base)} holds no pictures; valid is a folder with {kinds} files"
            )


def with_transplants(context: Context) -> tuple[Context, Transplanted]:
    """Make the sources of all transplants of the spec; those that cannot be made are skipped, with the reason.

    Returns
    -------
    Context
        It knows the digests of what was made, so that results that rest on the pictures are keyed by them.
    Transplanted
    """
    found = Transplanted()
    for name, artefact in context.spec.artefacts.items():
        if isinstance(artefact, Transplant):
            context, found = _with_one(context, found, name, artefact)
    return context, found


def _with_one(context: Context, found: Transplanted, name: str, artefact: Transplant) -> tuple[Context, Transplanted]:
    made = _made(context, name, artefact)
    if isinstance(made, Skipped):
        return context, replace(found, skipped=(*found.skipped, made))
    source, separated = made
    digest = context.pictures.get(name, "") + _digest(source)
    return replace(context, pictures={**context.pictures, name: digest}), Transplanted(
        {**found.sources, name: source}, {**found.separated, name: separated}, found.skipped
    )


def _made(context: Context, name: str, artefact: Transplant) -> tuple[TransplantSource, Separated] | Skipped:
    what = f"artefact {name}"
    if context.no_inside is not None:
        remedy = "give an architecture and weights, or cut the artefact out by masks (kind `cutout`)"
        return Skipped(what, f"a transplant needs the inside of the model: {context.no_inside.why}", remedy)
    try:
        layer = grid_layer(context.subject, artefact.layer)
    except LayerError as error:
        raise ArtefactError(f"artefacts.{name}.layer: {error.message}", hint="add it to `model.layers`") from error
    if layer is None:
        return Skipped(what, "no examined layer has positions", "name a spatial or token layer in `model.layers`")
    images = labelled_images(context, artefact)
    few = _too_few(images)
    if few:
        return Skipped(what, few, "give more example images, or cut the artefact out by masks (kind `cutout`)")
    pooled = pooled_activations(context, name, images, layer)
    separated, direction = separate(context, name, images, pooled, layer)
    estimate = separation(separated)
    if not tells(estimate, artefact.least_auroc):
        return Skipped(what, _cannot_tell(separated, artefact.least_auroc), REMEDY)
    examples = _examples(context, name, artefact, _best(images, separated, artefact.n_instances), direction, layer)
    if not examples:
        return Skipped(what, f"the map of {layer.name} is empty on every example image", REMEDY)
    cover = np.array([example.mask.mean(dtype=np.float64) for example in examples])
    return TransplantSource(artefact, examples), replace(separated, cover=cover)


REMEDY: Final = "name another `layer`, give more examples, or cut the artefact out by masks (kind `cutout`)"


def _cannot_tell(separated: Separated, least: float) -> str:
    found = separation(separated)
    told = "nothing can be said of its AUROC"
    if found.value is not None and found.low is not None and found.high is not None:
        told = f"AUROC {found.value:.2f}, {found.low:.2f} to {found.high:.2f}"
    return (
        f"{separated.layer} does not tell images with it from images without ({told}; the lower end must exceed "
        f"{least:g}), and a mask made from it would be noise"
    )


def labelled_images(context: Context, artefact: Transplant) -> tuple[Labelled, ...]:
    """Images with the artefact, then images without, each side at most `MOST` by hash."""
    sides = [
        _side(context, artefact, folder, positive)
        for folder, positive in ((artefact.examples, True), (artefact.without, False))
    ]
    mixed = artefact.examples is not None or artefact.without is not None
    drawn = (sorted(side, key=lambda one: (one.digest, one.name))[:MOST] for side in sides)
    return tuple(replace(one, stratum=0) if mixed else one for side in drawn for one in side)


def _side(context: Context, artefact: Transplant, folder: str | None, positive: bool) -> list[Labelled]:
    if folder is not None:
        return [
            Labelled(path, path.stem, file_sha256(path), str(path), 0, positive)
            for path in _pictures(resolve(folder, context.base))
        ]
    assert artefact.column is not None  # the spec demands it where a folder is missing
    strata = context.samples.strata_for(artefact.column)
    flags = context.samples.columns[artefact.column]
    wanted = flags > 0.5 if positive else flags <= 0.5
    return [
        Labelled(sample, sample.id, sample.digest, sample.unit, int(strata[row]), positive)
        for row, sample in enumerate(context.index.samples)
        if wanted[row] and all(sample.columns[name] == 0 for name in artefact.clean_of)
    ]


def _pictures(folder: Path) -> list[Path]:
    found = folder.rglob("*") if folder.is_dir() else iter(())
    return sorted(path for path in found if path.suffix.lower() in PICTURES and path.is_file())


def _too_few(images: Sequence[Labelled]) -> str:
    weights = contrast_weights(*_flags_and_strata(images))
    counts = [
        len({one.unit for one, weight in zip(images, weights, strict=True) if one.positive is side and weight > 0})
        for side in (True, False)
    ]
    if min(counts) >= FEWEST_UNITS:
        return ""
    return (
        f"{counts[0]} units with the artefact and {counts[1]} without can be compared, "
        f"and {FEWEST_UNITS} of each are needed"
    )


def _flags_and_strata(images: Sequence[Labelled]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([float(one.positive) for one in images]), np.array([one.stratum for one in images], dtype=np.int64)


def pooled_activations(context: Context, name: str, images: Sequence[Labelled], layer: LayerInfo) -> np.ndarray:
    """Mean activation of every channel over the positions of the layer, (images, channels), kept by chunks."""
    context.progress.stage(f"Examples of {name}", len(images))

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        grids = (activation_grids(context.subject, inputs, layer) for inputs, _ in _inputs(context, images[start:stop]))
        return {"pooled": np.concatenate([grid.mean(axis=(2, 3)) for grid in grids])}

    key = context.key(**_image_key(context, images), layer=layer.name)
    arrays = context.store.chunked("examples", key, len(images), context.chunk_size, compute, context.told())
    context.progress.done()
    return np.asarray(arrays["pooled"])


def _image_key(context: Context, images: Sequence[Labelled]) -> dict[str, object]:
    return {"images": [one.digest for one in images], "window": context.spec.data.window}


def _inputs(context: Context, images: Sequence[Labelled]) -> Iterator[tuple[torch.Tensor, list[Image8]]]:
    """Batches of model inputs, with the pixels they were made from."""

    def read(one: Labelled) -> tuple[torch.Tensor, Image8]:
        image = one.image
        pixels = load_rgb(image) if isinstance(image, Sample) else load_rgb(image, context.spec.data.window)
        with torch.no_grad():
            return context.subject.prepare(pixels), pixels

    ready = prefetch(images, read, N_WORKERS, context.batch_size + N_WORKERS)
    for start in range(0, len(images), context.batch_size):
        part = [next(ready) for _ in images[start : start + context.batch_size]]
        yield torch.stack([inputs for inputs, _ in part]), [pixels for _, pixels in part]


def separate(
    context: Context, name: str, images: Sequence[Labelled], pooled: np.ndarray, layer: LayerInfo
) -> tuple[Separated, Direction]:
    """Fit the concept activation vector, and score every image by one that has not seen its unit.

    A linear support vector machine on standardised activations, its sides balanced within strata.
    """
    flags, strata = _flags_and_strata(images)
    units = np.unique([one.unit for one in images], return_inverse=True)[1].astype(np.int64)
    artefact = context.spec.artefacts[name]
    assert isinstance(artefact, Transplant)  # the caller has looked
    separated = Separated(
        artefact=name,
        layer=layer.name,
        origin=_origin(artefact),
        scores=out_of_fold(pooled, flags, units, strata, "cav", context.spec.seed),
        positives=flags > 0.5,
        units=units,
        strata=strata,
        cover=np.empty(0),
    )
    return separated, fit(pooled, flags > 0.5, contrast_weights(flags, strata), "cav")


def _origin(artefact: Transplant) -> str:
    parts = [
        f"the data's images with {artefact.column} = {value}" if folder is None else f"the folder {Path(folder).name}"
        for folder, value in ((artefact.examples, 1), (artefact.without, 0))
    ]
    return " against ".join(parts)


def _best(images: Sequence[Labelled], separated: Separated, n: int) -> list[Labelled]:
    """Best-scored examples, at most one of each unit; ties by hash."""
    scores = np.where(np.isfinite(separated.scores), separated.scores, -np.inf)
    order = sorted(
        (place for place, one in enumerate(images) if one.positive),
        key=lambda place: (-scores[place], images[place].digest),
    )
    first: dict[str, Labelled] = {}
    for place in order:
        first.setdefault(images[place].unit, images[place])
    return list(first.values())[:n]


def _examples(
    context: Context,
    name: str,
    artefact: Transplant,
    chosen: Sequence[Labelled],
    direction: Direction,
    layer: LayerInfo,
) -> tuple[Example, ...]:
    """Soft masks of the chosen examples, at their own size."""
    context.progress.stage(f"Masks of {name}", len(chosen))
    declared, made, place = declared_preprocessing(context.subject.prepare), list[Example | None](), 0
    for inputs, pixels in _inputs(context, chosen):
        grids = activation_grids(context.subject, inputs, layer)
        maps = direction_map(grids, direction.vector - direction.null, direction.offset)
        for heat, picture in zip(maps, pixels, strict=True):
            size, seen = (picture.shape[1], picture.shape[0]), (inputs.shape[3], inputs.shape[2])
            whole = on_image(heat, input_map(declared, size, seen), seen, kept_size(size))
            made.append(make_example(chosen[place].name, picture, whole, artefact))
            place += 1
        context.progress.advance(len(pixels))
    context.progress.done()
    return tuple(example for example in made if example is not None)


def _digest(source: TransplantSource) -> str:
    digest = hashlib.sha256()
    for example in source.examples:
        digest.update(f"{example.name}|{example.mask.shape}\n".encode())
        digest.update(example.picture.tobytes() + example.mask.tobytes())
    return digest.hexdigest()
