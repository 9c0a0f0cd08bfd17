"""Colours swapped between the groups of a column: what one device does to colours is undone, what another does is done.

The map is fitted between groups, not between two pictures: matching an image's histogram to that of another would carry
over how large the other lesion is and how dark that patient's skin. Both groups are sampled with the same mix of
classes, since a group with more melanomas is darker for a reason that is not its device's.

Per channel, the quantiles of each reference image are averaged over the images of its group (the barycentre of their
distributions), so that differences between patients do not pass for contrast; the map carries the quantiles of one
group to those of the other, is monotone, and leaves black and white as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

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
LEVELS: Final = np.array((0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98))
"""Quantiles that are carried over; in between the map is smooth."""
LEAST_STEP: Final = 2.0
"""Grey levels between two quantiles at least, on both sides, so that no flat stretch becomes a steep one."""
POOLED: Final = 3
"""Images looked at per group, in multiples of those of one set."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SwapSource:
    """Colour maps between groups: an instance is a pair of groups and a set of reference images.

    Attributes
    ----------
    artefact : ColourProfile
    column : str
    pairs : tuple of (str, str)
        From and to, per instance.
    maps : tuple of Image8, (256, 3)
        New value of each value, per channel.
    names : tuple of str
    """

    artefact: ColourProfile
    column: str
    pairs: tuple[tuple[str, str], ...]
    maps: tuple[Image8, ...]
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
        table = self.maps[instance]
        after = np.stack([table[:, c][image[:, :, c]] for c in range(3)], axis=2)
        return whole(image, after, between(rng, self.artefact.opacity))


def whole(image: Image8, after: Image8, opacity: float) -> Rendering:
    """Blend a change of the whole image's colour with the original."""
    if opacity < 1.0:
        after = to_uint8(image * (1.0 - opacity) + after * opacity)
    if is_grey(image):
        after = as_grey(after)
    return Rendering(after, np.ones(image.shape[:2], dtype=np.float32), full_field=True)


def colour_map(source: Numbers, target: Numbers) -> Image8:
    """The monotone map per channel that carries the quantiles of one group to those of another.

    Parameters
    ----------
    source, target : Numbers, (levels, 3)
        Ascending grey levels.

    Returns
    -------
    Image8, (256, 3)
        0 stays 0 and 255 stays 255; piecewise cubic without overshoot (PCHIP) in between.
    """
    tables = []
    for channel in range(3):
        ends = [_spread(np.concatenate([[0.0], group[:, channel], [255.0]])) for group in (source, target)]
        tables.append(to_uint8(PchipInterpolator(*ends)(np.arange(256.0))))
    return np.stack(tables, axis=1)


def _spread(knots: Numbers) -> Numbers:
    """Move knots apart that lie closer than the least step; the first and the last stay."""
    n = len(knots)
    up = np.maximum.accumulate(knots - LEAST_STEP * np.arange(n)) + LEAST_STEP * np.arange(n)
    room = 255.0 - LEAST_STEP * np.arange(n)[::-1]
    spread: Numbers = np.minimum(up, room)
    return spread


def quantiles(image: Image8, lesion: Mask | None) -> Numbers:
    """Quantiles of an image's colours inside of an ellipse; lesion and skin count one half each, where both are known.

    Parameters
    ----------
    image : Image8, (height, width, 3)
    lesion : Mask, (GRID, GRID), optional

    Returns
    -------
    Numbers, (levels, 3)
    """
    rows, columns = (((np.arange(GRID) + 0.5) / GRID * length).astype(int) for length in image.shape[:2])
    place = (np.arange(GRID) + 0.5) / GRID - 0.5
    inside = place[:, None] ** 2 + place[None, :] ** 2 <= SEMI_AXIS**2
    pixels = image[rows][:, columns][inside].astype(np.float64)
    marked = np.zeros(len(pixels), dtype=bool) if lesion is None else lesion[inside]
    weights = np.ones(len(pixels))
    if 0 < marked.sum() < len(pixels):
        weights = np.where(marked, 1.0 / marked.sum(), 1.0 / (~marked).sum())
    return np.stack([_weighted(pixels[:, channel], weights) for channel in range(3)], axis=1)


def _weighted(values: Numbers, weights: Numbers) -> Numbers:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    found: Numbers = np.interp(LEVELS, (reached - weights[order] / 2) / reached[-1], values[order])
    return found


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
    known: dict[int, Numbers] = {}
    found: list[tuple[tuple[str, str], Image8, str]] = []
    for pair in pairs:
        shared = _shared(pools, pair, swap)
        for number in range(swap.n_draws):
            ends = [_drawn(pools[group], shared, swap, (group, number, loading.seed)) for group in pair]
            source, target = (np.mean([_known(index, row, known) for row in rows], axis=0) for rows in ends)
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
    """One set of reference images of a group, from the first so many of each class; drawn with replacement.

    So sets differ as other reference images would, also where a group has no more images than a set.
    """
    rng = stream("swap", swap.column, *name)
    rows: list[int] = []
    for label, n in shared.items():
        first = pool[label][: POOLED * n]
        rows += [first[i] for i in sorted(rng.integers(len(first), size=n))]
    return rows


def _known(index: DataIndex, row: int, known: dict[int, Numbers]) -> Numbers:
    if row not in known:
        sample = index.samples[row]
        known[row] = quantiles(load_rgb(sample), load_mask(sample, (GRID, GRID)))
    return known[row]
