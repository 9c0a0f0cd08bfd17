"""From the spec's `data` to a frozen index with a hash over everything."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from auditlens.data.labels import label_numbers
from auditlens.data.sample import Cell, DataIndex, Sample
from auditlens.data.sources import Entry, Source, find_source
from auditlens.data.tables import numeric
from auditlens.data.values import sentence as window_sentence
from auditlens.errors import InputError, nearest
from auditlens.spec.model import ImageSet, Window
from auditlens.stages.base import canonical_json
from auditlens.store import Store
from auditlens.store.folders import file_sha256

N_READERS: Final = 8
SHOWN: Final = 3


def read_index(data: ImageSet, base: Path, classes: tuple[str, ...], store: Store) -> DataIndex:
    """List, label and hash the images of an audit.

    Rows are kept in the order of their ids, so that the manifest's order changes nothing. Rows whose label (after
    `label_map`) is none of the classes are left out and counted. A class such as `n01440764 tench` also answers to
    its WordNet id alone.

    Parameters
    ----------
    data : ImageSet
        The spec's part.
    base : Path
        Folder of the spec.
    classes : tuple of str
        The model's classes, in the order of its outputs.
    store : Store
        Keeps generated images.

    Raises
    ------
    InputError
        Missing folder, manifest, column or file, contradictory rows, or no row with a label of the model.
    """
    source = find_source(data, base, store)
    labels = label_numbers(classes)
    named = [replace(entry, label=data.label_map.get(entry.label or "", entry.label)) for entry in source.entries]
    kept = [entry for entry in named if entry.label in labels]
    if not kept:
        raise _no_label(source, classes, labels)
    entries, notes = _distinct(kept)
    samples = _draw(_samples(entries, labels, source.columns, data.window), data.sample)
    notes += [*_left_out_notes(named, labels), *_unit_notes(data, entries), *_twin_notes(samples)]
    notes += [words] if (words := window_sentence(data.window)) is not None else []
    return DataIndex(
        samples=samples,
        classes=classes,
        source=source.name,
        unit_column=data.unit,
        within=data.within,
        columns=source.columns,
        n_left_out=len(source.entries) - len(samples),
        notes=tuple(notes),
        digest=_digest(samples, classes, data.window),
    )


def _no_label(source: Source, classes: tuple[str, ...], labels: Mapping[str, int]) -> InputError:
    seen = Counter(entry.label or "(empty)" for entry in source.entries)
    shown = ", ".join(f"{label!r} ({count})" for label, count in seen.most_common(8))
    valid = ", ".join(map(repr, classes[:8])) + (f" and {len(classes) - 8} more" if len(classes) > 8 else "")
    guess = next((text for label in seen if (text := nearest(label, labels))), "")
    return InputError(
        f"no image has a label that is a class of the model; labels: {shown}; classes: {valid}{guess}",
        hint="map labels to classes with `data.label_map`",
    )


def _distinct(entries: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
    """Sort by id and drop repeated rows; rows that contradict each other are an error."""
    by_id: dict[str, Entry] = {}
    repeated: list[str] = []
    for entry in entries:
        first = by_id.setdefault(entry.id, entry)
        if first is entry:
            continue
        if first.cells != entry.cells:
            raise InputError(
                f"the image {entry.id} was listed before, with other cells, at {first.location}",
                location=entry.location,
            )
        repeated.append(entry.id)
    notes = [f"{len(repeated)} rows repeat an earlier row and count once: {_some(repeated)}"] if repeated else []
    return [by_id[name] for name in sorted(by_id)], notes


def _samples(
    entries: Sequence[Entry], labels: Mapping[str, int], columns: Sequence[str], window: Window | None
) -> list[Sample]:
    digests = _hashes([entry.path for entry in entries])
    cells = _typed(entries, columns)
    return [
        Sample(
            id=entry.id,
            path=entry.path,
            label=labels[entry.label or ""],
            unit=entry.unit if entry.unit is not None else entry.id,
            mask=entry.mask,
            columns=row,
            digest=digest,
            location=entry.location,
            window=window,
        )
        for entry, row, digest in zip(entries, cells, digests, strict=True)
    ]


def _hashes(paths: Sequence[Path]) -> list[str]:
    with ThreadPoolExecutor(N_READERS) as pool:
        return list(pool.map(file_sha256, paths))


def _typed(entries: Sequence[Entry], columns: Sequence[str]) -> list[dict[str, Cell]]:
    """Cells as numbers in columns whose filled cells are all numbers, as text in the others."""
    rows: list[dict[str, Cell]] = [{} for _ in entries]
    for name in columns:
        texts = [entry.cells[name] for entry in entries]
        numbers = [None if text is None else numeric(text) for text in texts]
        clean = all(number is not None for text, number in zip(texts, numbers, strict=True) if text is not None)
        for row, text, number in zip(rows, texts, numbers, strict=True):
            row[name] = number if clean else text
    return rows


def _draw(samples: Sequence[Sample], n: int | None) -> tuple[Sample, ...]:
    """Keep at most `n` images: a random draw of units by their smallest hash, which depends on nothing but the files.

    A unit comes whole or not at all; only where the first has more than `n` images is it cut.
    """
    if n is None or n >= len(samples):
        return tuple(samples)
    units: dict[str, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda sample: (sample.digest, sample.id)):
        units[sample.unit].append(sample)
    drawn: list[Sample] = []
    for group in units.values():
        if drawn and len(drawn) + len(group) > n:
            break
        drawn += group
    return tuple(sorted(drawn[:n], key=lambda sample: sample.id))


def _left_out_notes(entries: Iterable[Entry], labels: Mapping[str, int]) -> list[str]:
    out = Counter(entry.label or "(empty)" for entry in entries if entry.label not in labels)
    shown = ", ".join(f"{label} ({count})" for label, count in sorted(out.items()))
    return [f"{out.total()} images were left out, their label is no class of the model: {shown}"] if out else []


def _unit_notes(data: ImageSet, entries: Sequence[Entry]) -> list[str]:
    empty = sum(entry.unit is None for entry in entries)
    if data.unit is None or not empty:
        return []
    return [f"{empty} rows have no {data.unit}; each of these images counts as a unit of its own"]


def _twin_notes(samples: Iterable[Sample]) -> list[str]:
    """Byte-identical images that count as different units, or carry different labels."""
    twins: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        twins[sample.digest].append(sample)
    units = [group for group in twins.values() if len({sample.unit for sample in group}) > 1]
    labels = [group for group in twins.values() if len({sample.label for sample in group}) > 1]
    notes = []
    if units:
        notes.append(f"{len(units)} images appear under more than one unit, byte for byte: {_twins(units)}")
    if labels:
        notes.append(f"{len(labels)} images appear with different labels, byte for byte: {_twins(labels)}")
    return notes


def _twins(groups: Sequence[Sequence[Sample]]) -> str:
    return _some([" = ".join(sample.id for sample in group) for group in groups])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _digest(samples: Sequence[Sample], classes: Sequence[str], window: Window | None) -> str:
    masks = iter(_hashes([sample.mask for sample in samples if sample.mask is not None]))
    digest = hashlib.sha256(b"" if window is None else canonical_json({"window": window}).encode())
    for sample in samples:
        mask = next(masks) if sample.mask is not None else None
        row = [sample.id, sample.digest, classes[sample.label], sample.unit, mask, dict(sample.columns)]
        digest.update(canonical_json(row).encode() + b"\n")
    return digest.hexdigest()
