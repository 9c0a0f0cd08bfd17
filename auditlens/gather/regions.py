"""What the audited model looks at in each clean image, so that artefacts can be kept off it (`avoid: relevance`)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from auditlens.challenge.regions import MASS
from auditlens.challenge.trials import clean_rows
from auditlens.data.sample import Sample
from auditlens.examine.audited import input_batches
from auditlens.examine.geometry import InputMap, declared_preprocessing, image_size, input_map
from auditlens.examine.maps import grid_layer, on_image, relevance_map
from auditlens.gather.context import Context
from auditlens.plan.build import decision_class
from auditlens.spec.artefacts import Artefact
from auditlens.stages.evidence import Floats, Skipped

SIDE: Final = 64
"""Cells along each side of the map that is kept of an image."""


def with_regions(context: Context) -> Context:
    """Look at every clean image once, for all artefacts that avoid what the model looks at.

    Returns
    -------
    Context
        Its samples carry their `focus`; as it was where no artefact asks, or the model has no inside.
    """
    names = that_ask(context)
    rows = region_rows(context, names)
    if not rows or context.no_inside is not None:
        return context
    maps = region_maps(context, rows)
    focus = dict(zip(rows, maps, strict=True))
    samples = tuple(_focused(sample, focus.get(row)) for row, sample in enumerate(context.index.samples))
    digest = hashlib.sha256(np.asarray(rows).tobytes() + maps.tobytes() + str(MASS).encode()).hexdigest()
    return replace(
        context,
        index=replace(context.index, samples=samples),
        pictures={**context.pictures, **{name: context.pictures.get(name, "") + digest for name in names}},
    )


def region_gaps(context: Context) -> tuple[Skipped, ...]:
    """Say which artefacts avoid the centre instead, since the model has no inside to ask."""
    if context.no_inside is None:
        return ()
    return tuple(
        Skipped(
            what=f"where the model looks, for the place of {name}",
            why=f"{context.no_inside.why}; without a lesion mask the centre was avoided",
            remedy="give lesion masks (`data.mask`), or an architecture and weights",
        )
        for name in that_ask(context)
    )


def that_ask(context: Context) -> tuple[str, ...]:
    """Artefacts that must not lie where the model looks."""
    return tuple(name for name, artefact in context.spec.artefacts.items() if artefact.avoid == "relevance")


def region_rows(context: Context, names: tuple[str, ...]) -> tuple[int, ...]:
    """Images without a lesion mask that any of the artefacts may go into; which these are by score is told later."""
    artefacts = [context.spec.artefacts[name] for name in names]
    clean = {row for artefact in artefacts for row in _candidates(context, artefact)}
    return tuple(sorted(row for row in clean if context.index.samples[row].mask is None))


def _candidates(context: Context, artefact: Artefact) -> Sequence[int]:
    if artefact.clean_by is not None:
        return range(len(context.index))
    return clean_rows(context.index, artefact, context.base)


def _focused(sample: Sample, focus: np.ndarray | None) -> Sample:
    return sample if focus is None else replace(sample, focus=focus)


def region_maps(context: Context, rows: tuple[int, ...]) -> np.ndarray:
    """Maps over the whole images, (rows, SIDE, SIDE), float32."""
    layer = grid_layer(context.subject)
    class_name = decision_class(context.spec, context.subject.classes)
    class_index = context.subject.classes.index(class_name)
    context.progress.stage("Where the model looks", len(rows))

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        parts = []
        for part, inputs in input_batches(
            context.subject, context.index, np.asarray(rows[start:stop]), context.batch_size
        ):
            grids = relevance_map(context.subject, inputs, class_index, layer)
            size = (inputs.shape[3], inputs.shape[2])
            parts += [_kept(context, int(row), grid, size) for row, grid in zip(part, grids, strict=True)]
        return {"maps": np.stack(parts)}

    key = context.key(rows=list(rows), layer=layer.name if layer else "input", cls=class_name, side=SIDE)
    arrays = context.store.chunked("regions", key, len(rows), context.chunk_size, compute, context.told())
    context.progress.done()
    return np.asarray(arrays["maps"])


def _kept(context: Context, row: int, grid: Floats, input_size: tuple[int, int]) -> np.ndarray:
    return on_image(grid, geometry_of(context, context.index.samples[row], input_size), input_size, (SIDE, SIDE))


def geometry_of(context: Context, sample: Sample, input_size: tuple[int, int]) -> InputMap:
    """Map from the model's input back to one image's pixels."""
    return input_map(declared_preprocessing(context.subject.prepare), image_size(sample), input_size)
