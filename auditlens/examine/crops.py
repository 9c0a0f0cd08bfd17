"""Crop the concept examples to the part that drives the component (paper, 3.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from auditlens.data.images import load_rgb
from auditlens.data.loader import prefetch
from auditlens.data.sample import DataIndex
from auditlens.errors import ModelError
from auditlens.examine.attribution.attributor import Attributor
from auditlens.examine.attribution.gradient import GradientXActivation
from auditlens.examine.audited import Progress
from auditlens.examine.boxes import focus_box, smooth, threshold_box, widen
from auditlens.examine.geometry import InputMap, declared_preprocessing, image_size, input_map
from auditlens.stages.evidence import Floats, Ints
from auditlens.subject import Subject

Requested: TypeAlias = Literal["auto", "crp", "activation", "none"]
N_WORKERS = 2
MOST_MAPS = 256
"""Heatmaps held at once: 50 MB at 224 pixels."""

LEAST_USED = 0.9
"""Of a batch's heatmaps, the share that belongs to a component: images in a batch are padded to the fullest one."""


@dataclass(frozen=True, slots=True)
class Crops:
    """Boxes of concept examples, in pixels of the original images: left, top, right, bottom (exclusive).

    Attributes
    ----------
    boxes : int64 array (components, m, 4)
        The paper's crop, which is embedded; zeros where there is no example.
    focus : int64 array (components, m, 4)
        Smallest box with 80 % of the positive attribution, for display.
    box_share, focus_share : float32 array (components, m)
        Share of the image's area inside; 1 is the whole image; NaN where there is no example.
    """

    boxes: NDArray[np.int64]
    focus: NDArray[np.int64]
    box_share: NDArray[np.float32]
    focus_share: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Work:
    """One image, and the places (component row, example) that it fills; a very full one comes in several works."""

    row: int
    places: tuple[tuple[int, int], ...]
    is_last: bool


def choose_heatmaps(subject: Subject, requested: Requested, attributor: Attributor) -> tuple[Attributor | None, str]:
    """Return what gives the heatmaps of single components, None for uncropped examples, and the reason.

    Raises
    ------
    ModelError
        CRP crops were asked for, and the attributor is not LRP.
    """
    if requested == "none":
        return None, "Whole images, as the spec asks."
    if requested == "activation":
        return GradientXActivation(subject), "Up-sampled activation maps, as the spec asks."
    if attributor.name == "lrp":
        return attributor, "CRP heatmaps of single components."
    if requested == "crp":
        raise ModelError("CRP crops need LRP as attributor", hint="use examine.crops: auto or activation")
    return attributor, "Up-sampled activation maps, since CRP heatmaps need the attributor lrp."


def crop_boxes(
    subject: Subject,
    heatmaps: Attributor | None,
    index: DataIndex,
    layer: str,
    components: Ints,
    image_indices: Ints,
    threshold: float = 0.01,
    batch_size: int = 16,
    progress: Progress | None = None,
) -> Crops:
    """Crop every example of every component: one forward per distinct image, one backward per component.

    Parameters
    ----------
    subject : Subject
    heatmaps : Attributor or None
        None keeps the whole images.
    index : DataIndex
    layer : str
    components : (K,)
    image_indices : (K, m)
        Rows of the index; -1 for none.
    threshold : float
        Share of the highest attribution that a position needs, on the lightly smoothed positive part.
    batch_size : int
        Distinct images per forward.
    progress : callable, optional
        Told the number of distinct images just finished.
    """
    if heatmaps is None:
        return _uncropped(index, image_indices)
    crops = _no_crops(image_indices.shape)
    declared = declared_preprocessing(subject.prepare)
    for group, sizes, inputs in _image_batches(subject, index, image_indices, batch_size):
        numbers = _component_table(group, components, len(group[0].places)).to(subject.device)
        maps = heatmaps.heatmaps(inputs.to(subject.device), layer, numbers).cpu().numpy()
        for image, work in enumerate(group):
            geometry = input_map(declared, sizes[image], (inputs.shape[3], inputs.shape[2]))
            for turn, place in enumerate(work.places):
                _fill(crops, place, maps[image, turn], geometry, threshold)
        if progress is not None:
            progress(sum(work.is_last for work in group))
    return crops


def whole_boxes(index: DataIndex, image_indices: Ints) -> NDArray[np.int64]:
    """Boxes of whole images, (K, m) -> (K, m, 4); zeros beside -1."""
    boxes = np.zeros((*image_indices.shape, 4), np.int64)
    for row in np.unique(image_indices[image_indices >= 0]):
        boxes[image_indices == row] = (0, 0, *image_size(index.samples[int(row)]))
    return boxes


def _no_crops(shape: tuple[int, ...]) -> Crops:
    boxes = np.zeros((*shape, 4), np.int64)
    missing = np.full(shape, np.nan, np.float32)
    return Crops(boxes, boxes.copy(), missing, missing.copy())


def _uncropped(index: DataIndex, image_indices: Ints) -> Crops:
    boxes = whole_boxes(index, image_indices)
    shares = np.where(image_indices >= 0, 1, np.nan).astype(np.float32)
    return Crops(boxes, boxes.copy(), shares, shares.copy())


def _image_batches(
    subject: Subject, index: DataIndex, image_indices: Ints, batch_size: int
) -> Iterator[tuple[Sequence[_Work], list[tuple[int, int]], torch.Tensor]]:
    """Images in batches, those with most components first."""
    works = _by_image(image_indices)

    def read(work: _Work) -> tuple[tuple[int, int], torch.Tensor]:
        pixels = load_rgb(index.samples[work.row])
        return (pixels.shape[1], pixels.shape[0]), subject.prepare(pixels)

    with closing(prefetch(works, read, N_WORKERS, batch_size + N_WORKERS)) as ready:
        for group in _groups(works, batch_size):
            read_ahead = [next(ready) for _ in group]
            yield group, [size for size, _ in read_ahead], torch.stack([inputs for _, inputs in read_ahead])


def _by_image(image_indices: Ints) -> list[_Work]:
    """Every distinct image with its places, those with most of them first."""
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for component, example in np.argwhere(image_indices >= 0):
        places[int(image_indices[component, example])].append((int(component), int(example)))
    works = []
    for row, found in places.items():
        for start in range(0, len(found), MOST_MAPS):
            stop = start + MOST_MAPS
            works.append(_Work(row, tuple(found[start:stop]), stop >= len(found)))
    return sorted(works, key=lambda work: (-len(work.places), work.row, work.is_last))


def _groups(works: Sequence[_Work], batch_size: int) -> Iterator[Sequence[_Work]]:
    """Cut into batches whose images have about equally many components, and few enough heatmaps to hold."""
    start = 0
    while start < len(works):
        widest, used, stop = len(works[start].places), 0, start
        for work in works[start : start + batch_size]:
            used += len(work.places)
            held = widest * (stop + 1 - start)
            if stop > start and (held > MOST_MAPS or used < LEAST_USED * held):
                break
            stop += 1
        yield works[start:stop]
        start = stop


def _component_table(group: Sequence[_Work], components: Ints, width: int) -> torch.Tensor:
    """Components per image, (B, T); -1 where an image has fewer than the first of the group."""
    table = np.full((len(group), width), -1, np.int64)
    for image, work in enumerate(group):
        table[image, : len(work.places)] = [components[component] for component, _ in work.places]
    return torch.from_numpy(table)


def _fill(crops: Crops, place: tuple[int, int], heatmap: Floats, geometry: InputMap, threshold: float) -> None:
    whole = np.array([0, 0, *geometry.size])
    found = smooth(heatmap)
    box, focus = threshold_box(found, threshold), focus_box(found)
    crops.boxes[place] = whole if box is None else widen(geometry.to_pixels(box), geometry.size)
    crops.focus[place] = whole if focus is None else widen(geometry.to_pixels(focus), geometry.size)
    crops.box_share[place] = _area(crops.boxes[place]) / _area(whole)
    crops.focus_share[place] = _area(crops.focus[place]) / _area(whole)


def _area(box: NDArray[np.int64]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
