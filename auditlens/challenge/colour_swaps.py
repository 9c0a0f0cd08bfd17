"""Colours swapped between the groups of a column: what one device does to colours is undone, what another does is done.

The map is fitted between groups, not between two pictures: matching an image's histogram to that of another would carry
over how large the other lesion is and how dark that patient's skin. Both groups are sampled with the same mix of
classes, since a group with more melanomas is darker for a reason that is not its device's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from auditlens.challenge.draws import between, digest_of, stream
from auditlens.challenge.eligible import free_of_flags, groups_of
from auditlens.challenge.loading import Loading
from auditlens.challenge.rendering import Image8, Mask, Rendering, as_grey, is_grey, to_uint8
from auditlens.data.images import load_mask, load_rgb
from auditlens.data.sample import DataIndex, Sample
from auditlens.errors import ArtefactError
from auditlens.spec.artefacts import ColourProfile, Swap

GRID: Final = 48
"""Pixels are sampled on a grid of so many points a side."""
SEMI_AXIS: Final = 0.45
"""Only pixels inside of this ellipse count, in shares of the sides: dark corners and frames are no device's colours."""
RIDGE: Final = 16.0
"""Added to every variance, in squared grey levels: directions with next to no spread are not stretched."""
POOLED: Final = 3
"""Images looked at per group, in multiples of those of one set."""
DARK, LIGHT = 48.0, 24.0
"""Grey levels over which the map fades out towards black and towards white, which every device leaves as they are."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Colours:
    """Mean and covariance of RGB values of a set of images, each image counting the same; grey levels."""

    mean: Matrix
    covariance: Matrix


@dataclass(frozen=True, slots=True)
class ColourMap:
    """x -> mean of the target + matrix (x - mean of the source)."""

    matrix: Matrix
    source: Matrix
    target: Matrix


@dataclass(frozen=True, slots=True)
class SwapSource:
    """Colour maps between groups: an instance is a pair of groups and a set of reference images.

    Attributes
    ----------
    artefact : ColourProfile
    column : str
    pairs : tuple of (str, str)
        From and to, per instance.
    maps : tuple of ColourMap
    names : tuple of str
    """

    artefact: ColourProfile
    column: str
    pairs: tuple[tuple[str, str], ...]
    maps: tuple[ColourMap, ...]
    names: tuple[str, ...]

    @property
    def n_instances(self) -> int:
        """Number of pairs of groups times sets of reference images."""
        return len(self.maps)

    def instances_for(self, sample: Sample) -> tuple[int, ...]:
        """Those that start from the image's own group."""
        return tuple(i for i, (source, _) in enumerate(self.pairs) if source == sample.text(self.column))

    def render(self, image: Image8, instance: int, rng: np.random.Generator, avoid_mask: Mask | None) -> Rendering:
        """Map the colours of the whole image; opacity blends with the original. A grey image stays grey."""
        after = mapped(image, self.maps[instance])
        return whole(image, after, between(rng, self.artefact.opacity))


def whole(image: Image8, after: Image8, opacity: float) -> Rendering:
    """Blend a change of the whole image's colour with the original."""
    if opacity < 1.0:
        after = to_uint8(image * (1.0 - opacity) + after * opacity)
    if is_grey(image):
        after = as_grey(after)
    return Rendering(after, np.ones(image.shape[:2], dtype=np.float32), full_field=True)


def mapped(image: Image8, colours: ColourMap) -> Image8:
    """Apply a map between groups; black and white stay.

    Returns
    -------
    Image8, (height, width, 3)
    """
    pixels = image.astype(np.float64)
    moved = colours.target + (pixels - colours.source) @ colours.matrix.T
    brightness = pixels.mean(axis=2, keepdims=True)
    share = np.clip(brightness / DARK, 0.0, 1.0) * np.clip((255.0 - brightness) / LIGHT, 0.0, 1.0)
    return to_uint8(pixels + share * (moved - pixels))


def colour_map(source: Colours, target: Colours) -> ColourMap:
    """The linear map that carries one normal distribution of colours into another and moves colours least.

    It is the optimal transport between the two (Olkin and Pukelsheim 1982; for colours Pitie and Kokaram 2007),
    A = S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2, with a small ridge on both covariances.
    """
    of_source = source.covariance + RIDGE * np.eye(3)
    of_target = target.covariance + RIDGE * np.eye(3)
    root = _power(of_source, 0.5)
    inverse = _power(of_source, -0.5)
    return ColourMap(inverse @ _power(root @ of_target @ root, 0.5) @ inverse, source.mean, target.mean)


def _power(matrix: Matrix, exponent: float) -> Matrix:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    power: Matrix = (vectors * np.maximum(values, 1e-12) ** exponent) @ vectors.T
    return power


def colours_of(samples: Sequence[tuple[Matrix, Matrix]]) -> Colours:
    """Pool first and second moments of images.

    Parameters
    ----------
    samples : sequence of (first moment (3,), second moment (3, 3))
    """
    mean: Matrix = np.mean([first for first, _ in samples], axis=0)
    second: Matrix = np.mean([other for _, other in samples], axis=0)
    return Colours(mean, second - np.outer(mean, mean))


def moments(image: Image8, lesion: Mask | None) -> tuple[Matrix, Matrix]:
    """First and second moments of an image's colours, inside of an ellipse and outside of the lesion.

    Parameters
    ----------
    image : Image8, (height, width, 3)
    lesion : Mask, (GRID, GRID), optional
        Left out, unless nothing would remain.
    """
    rows, columns = (((np.arange(GRID) + 0.5) / GRID * length).astype(int) for length in image.shape[:2])
    place = (np.arange(GRID) + 0.5) / GRID - 0.5
    inside = place[:, None] ** 2 + place[None, :] ** 2 <= SEMI_AXIS**2
    skin = inside & ~lesion if lesion is not None else inside
    pixels = image[rows][:, columns][skin if skin.any() else inside].astype(np.float64)
    return pixels.mean(axis=0), pixels.T @ pixels / len(pixels)


def load_swap(artefact: ColourProfile, loading: Loading) -> SwapSource:
    """Fit the maps between all pairs of groups, each on several sets of reference images.

    Raises
    ------
    ArtefactError
        When the data lacks the column or a group, or two groups have no class in common.
    """
    swap = artefact.swap
    assert swap is not None  # `load_colour_profile` asked
    index = loading.demand_index("colour_profile with swap")
    pairs = groups_of(index, swap)
    pools = _pools(index, artefact, swap, loading.seed)
    known: dict[int, tuple[Matrix, Matrix]] = {}
    found: list[tuple[tuple[str, str], ColourMap, str]] = []
    for pair in pairs:
        shared = _shared(pools, pair, swap)
        for number in range(swap.n_draws):
            ends = [_drawn(pools[group], shared, swap, (group, number, loading.seed)) for group in pair]
            source, target = (colours_of([_known(index, row, known) for row in rows]) for rows in ends)
            found.append((pair, colour_map(source, target), f"{pair[0]} to {pair[1]}, set {number + 1}"))
    of_instance, maps, names = zip(*found, strict=True)
    return SwapSource(artefact, swap.column, tuple(of_instance), tuple(maps), tuple(names))


Pools = Mapping[str, Mapping[int, Sequence[int]]]
"""Group -> class -> rows, in an order drawn by image hash."""


def _pools(index: DataIndex, artefact: ColourProfile, swap: Swap, seed: int) -> Pools:
    pools: dict[str, dict[int, list[int]]] = {}
    free = free_of_flags(index, artefact)
    for row in sorted(free, key=lambda row: (digest_of("swap", seed, index.samples[row].digest), row)):
        sample = index.samples[row]
        group = sample.text(swap.column)
        if group is not None:
            pools.setdefault(group, {}).setdefault(sample.label, []).append(row)
    return pools


def _shared(pools: Pools, pair: tuple[str, str], swap: Swap) -> dict[int, int]:
    """Images per class in a set: the same in both groups, as even as their images allow."""
    source, target = (pools.get(group, {}) for group in pair)
    labels = sorted(set(source) & set(target))
    if not labels:
        raise ArtefactError(
            f"swap: {swap.column} {pair[0]!r} and {pair[1]!r} share no class among their clean images, so their "
            "devices' colours cannot be told from their classes'",
            hint="name two groups with `from` and `to`",
        )
    share = max(round(swap.n_references / len(labels)), 1)
    return {label: min(share, len(source[label]), len(target[label])) for label in labels}


def _drawn(
    pool: Mapping[int, Sequence[int]], shared: Mapping[int, int], swap: Swap, name: tuple[str, int, int]
) -> list[int]:
    """One set of reference images of a group, from the first so many of each class."""
    rng = stream("swap", swap.column, *name)
    rows: list[int] = []
    for label, n in shared.items():
        first = pool[label][: POOLED * n]
        rows += [first[i] for i in sorted(rng.permutation(len(first))[:n])]
    return rows


def _known(index: DataIndex, row: int, known: dict[int, tuple[Matrix, Matrix]]) -> tuple[Matrix, Matrix]:
    if row not in known:
        sample = index.samples[row]
        known[row] = moments(load_rgb(sample), load_mask(sample, (GRID, GRID)))
    return known[row]
