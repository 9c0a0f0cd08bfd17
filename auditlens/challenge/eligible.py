"""Which images an artefact may go into: free of it, among those it applies to, and fit for its kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from auditlens.challenge.erasure import has_usable_mask
from auditlens.challenge.stamps import PICTURES, read_picture
from auditlens.data.sample import DataIndex, Sample
from auditlens.errors import ArtefactError, nearest
from auditlens.spec.artefacts import ArtefactBase, Background, ColourProfile, Swap
from auditlens.spec.paths import resolve
from auditlens.stages.eligibility import LeftOut

SHOWN_VALUES: Final = 8
EMPTY: Final = "empty"
LOSSY: Final = frozenset({".jpg", ".jpeg", ".webp"})
MARKED: Final = {True: 128, False: 1}
"""Lowest grey level that marks the artefact in a mask, by whether its file format may add noise to black."""
_MARKED: Final[dict[tuple[Path, int, int], bool]] = {}
"""Mask file with its time and size -> whether it marks anything."""

Test = Callable[[Sample], bool]


@dataclass(frozen=True, slots=True)
class Eligible:
    """Images that an artefact may go into.

    Attributes
    ----------
    rows : tuple of int
        Of the data index, ascending.
    left_out : tuple of LeftOut
        Each image once, for the first reason that holds; reasons without an image are not listed.
    """

    rows: tuple[int, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    """One demand on an image: its test, and how those that fail it are told of."""

    holds: Test
    described: Callable[[Sequence[Sample]], str]
    why: str
    by_rule: bool = False


def eligible(
    index: DataIndex, artefact: ArtefactBase, base: Path, carrying: NDArray[np.bool_] | None = None
) -> Eligible:
    """Tell the images that an artefact may go into from those that are left out.

    Parameters
    ----------
    index : DataIndex
    artefact : ArtefactBase
        `column` and every column of `clean_of` must be 0; an empty cell is not clean, since nobody looked. Masks of
        `clean_by` must be empty or absent. Columns of `only` must hold one of the values, compared as text. A
        background needs a usable lesion mask, a swap of colours a group that it starts from.
    base : Path
        Folder that relative paths start from.
    carrying : bools, (images,), optional
        By the score of `clean_by`; it decides where there is no flag in `column`. Without it scores have no say.

    Raises
    ------
    ArtefactError
        When the data lacks a column or a value, a flag is text, or no mask belongs to an image.
    ImageError
        When a lesion mask cannot be decoded.
    """
    rows = list(range(len(index)))
    left_out: list[LeftOut] = []
    for rule in (
        *_present(index, artefact, carrying),
        *_masks(index, artefact, base),
        *_only(index, artefact),
        *_own(index, artefact),
    ):
        failing = [index.samples[row] for row in rows if not rule.holds(index.samples[row])]
        rows = [row for row in rows if rule.holds(index.samples[row])]
        if failing:
            left_out.append(
                LeftOut(what=rule.described(failing), why=rule.why, n_images=len(failing), by_rule=rule.by_rule)
            )
    return Eligible(tuple(rows), tuple(left_out))


def free_of_flags(index: DataIndex, artefact: ArtefactBase) -> tuple[int, ...]:
    """Rows in which `column` and `clean_of` are 0, whatever else the artefact asks for."""
    rules = _flags(index, artefact)
    return tuple(row for row, sample in enumerate(index.samples) if all(rule.holds(sample) for rule in rules))


def demand_column(index: DataIndex, column: str, field: str) -> None:
    """Refuse a column that the data lacks.

    Raises
    ------
    ArtefactError
    """
    if column not in index.columns:
        valid = ", ".join(index.columns) or "none: the data has no columns"
        raise ArtefactError(
            f"{field}: the data has no column {column!r}; valid are {valid}{nearest(column, index.columns)}"
        )


def demand_values(index: DataIndex, column: str, values: Iterable[str], field: str) -> None:
    """Refuse values that no cell of a column has.

    Raises
    ------
    ArtefactError
    """
    found = index.values_of(column)
    for value in values:
        if value not in found:
            shown = ", ".join(found[:SHOWN_VALUES]) + (", ..." if len(found) > SHOWN_VALUES else "")
            raise ArtefactError(
                f"{field}: no cell of the column {column!r} is {value!r}; found are {shown}{nearest(value, found)}"
            )


def as_text(value: str | float) -> str:
    """A value of the spec as the data's cells are compared: numbers without a needless decimal point."""
    return value if isinstance(value, str) else f"{value:g}"


def groups_of(index: DataIndex, swap: Swap) -> tuple[tuple[str, str], ...]:
    """Pairs of groups, from and to, between which a swap of colours goes; sorted.

    Raises
    ------
    ArtefactError
        When the data lacks the column or a group, or there is no second group.
    """
    demand_column(index, swap.column, "swap.column")
    ends = {"from": swap.from_, "to": swap.to}
    for end, value in ends.items():
        if value is not None:
            demand_values(index, swap.column, [as_text(value)], f"swap.{end}")
    groups = index.values_of(swap.column)
    sources, targets = ([as_text(value)] if value is not None else groups for value in ends.values())
    pairs = tuple((source, target) for source in sources for target in targets if source != target)
    if not pairs:
        raise ArtefactError(
            f"swap: colours go from one group to another, and the column {swap.column!r} leaves only "
            f"{', '.join(dict.fromkeys([*sources, *targets])) or 'empty cells'}"
        )
    return pairs


def _flags(index: DataIndex, artefact: ArtefactBase) -> list[_Rule]:
    names = [name for name in (artefact.column, *artefact.clean_of) if name is not None]
    for name in names:
        if name not in index.numeric_columns:
            valid = ", ".join(index.numeric_columns) or "none: the data has no numeric columns"
            raise ArtefactError(
                f"the data has no 0/1 column {name!r}; valid are {valid}{nearest(name, index.numeric_columns)}"
            )
    return [_flag(name, "it is there already" if name == artefact.column else "of `clean_of`") for name in names]


def _present(index: DataIndex, artefact: ArtefactBase, carrying: NDArray[np.bool_] | None) -> list[_Rule]:
    """What flags say, and where nobody looked, what the score says."""
    rules = _flags(index, artefact)
    if carrying is None or artefact.clean_by is None:
        return rules
    column, concept = artefact.column, artefact.clean_by.score
    carriers = {sample.id for sample, holds in zip(index.samples, carrying, strict=True) if holds}

    def is_free(sample: Sample) -> bool:
        flag = sample.columns[column] if column is not None else None
        return flag == 0 if flag is not None else sample.id not in carriers

    where = f"column {column} is not 0, or, where nobody looked, the" if column is not None else "the"
    told = f"{where} score of {concept} says that it is there"
    return [_Rule(is_free, lambda failing: told, "it is there already"), *(rules[1:] if column is not None else rules)]


def _flag(name: str, why: str) -> _Rule:
    def described(failing: Sequence[Sample]) -> str:
        n_empty = sum(sample.columns[name] is None for sample in failing)
        return f"column {name} is not 0" + (f" ({n_empty} cells are empty: nobody looked)" if n_empty else "")

    return _Rule(lambda sample: sample.columns[name] == 0, described, why)


def _masks(index: DataIndex, artefact: ArtefactBase, base: Path) -> list[_Rule]:
    if artefact.clean_by is None or artefact.clean_by.masks is None:
        return []
    folder = resolve(artefact.clean_by.masks, base)
    if not folder.is_dir():
        raise ArtefactError(f"clean_by.masks: {folder}: no such folder")
    masks = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURES}
    if not any(sample.path.stem in masks for sample in index.samples):
        first = index.samples[0].path.stem
        raise ArtefactError(f"clean_by.masks: {folder}: no mask has the name of an image, such as {first}.png")

    def is_free(sample: Sample) -> bool:
        mask = masks.get(sample.path.stem)
        return mask is None or not _marks(mask)

    return [_Rule(is_free, lambda failing: f"the mask in {folder.name} is not empty", "it is there already")]


def _marks(path: Path) -> bool:
    state = path.stat()
    key = (path, state.st_mtime_ns, state.st_size)
    if key not in _MARKED:
        level = MARKED[path.suffix.lower() in LOSSY]
        _MARKED[key] = bool(np.asarray(read_picture(path, "L")).max(initial=0) >= level)
    return _MARKED[key]


def _only(index: DataIndex, artefact: ArtefactBase) -> list[_Rule]:
    rules = []
    for column, listed in artefact.only.items():
        demand_column(index, column, "only")
        values = [as_text(value) for value in listed]
        demand_values(index, column, values, f"only.{column}")
        rules.append(_among(column, frozenset(values), artefact.reason or "no reason is given"))
    return rules


def _among(column: str, values: frozenset[str], why: str) -> _Rule:
    def described(failing: Sequence[Sample]) -> str:
        counts = Counter(sample.text(column) for sample in failing)
        found = sorted((value is None, value or EMPTY, n) for value, n in counts.items())
        shown = [f"{value} ({n})" for _, value, n in found[:SHOWN_VALUES]]
        return f"{column}: {', '.join(shown)}{', ...' if len(found) > SHOWN_VALUES else ''}"

    return _Rule(lambda sample: sample.text(column) in values, described, why, by_rule=True)


def _own(index: DataIndex, artefact: Any) -> list[_Rule]:
    """What the kind itself needs of an image."""
    if isinstance(artefact, Background):
        return [
            _Rule(
                has_usable_mask,
                lambda failing: "no usable lesion mask",
                "the background is what lies outside of the mask",
            )
        ]
    if isinstance(artefact, ColourProfile) and artefact.swap is not None:
        column, sources = artefact.swap.column, frozenset(pair[0] for pair in groups_of(index, artefact.swap))
        described = _among(column, sources, "").described
        return [_Rule(lambda sample: sample.text(column) in sources, described, "not of a group that is swapped")]
    return []
