"""Artefact-augmented copies of a training folder, with a manifest of what was put where."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from PIL import Image

from auditlens.augment.sources import Artefacts, Augmented, Choice
from auditlens.challenge.draws import stream
from auditlens.data.images import load_mask, load_rgb
from auditlens.data.sample import Sample
from auditlens.data.sources import SUFFIXES, Entry, find_source
from auditlens.data.tables import read_table
from auditlens.errors import InputError
from auditlens.spec.load import LoadedSpec, load_spec
from auditlens.spec.model import Data
from auditlens.spec.sets import audited_spec
from auditlens.spec.user_code import CodePolicy
from auditlens.store import Store
from auditlens.store.atomic import write_bytes_atomically
from auditlens.store.folders import file_sha256

MANIFEST: Final = "augmented.csv"
OWN_COLUMNS: Final = (
    "file",
    "label",
    "augmented_from",
    "copy_number",
    "artefact",
    "artefact_instance",
    "artefact_left",
    "artefact_top",
    "artefact_right",
    "artefact_bottom",
)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes
    ----------
    manifest : Path
    n_copies : int
    n_with : mapping of label to int
        Copies with an artefact.
    n_of : mapping of label to int
        Copies in all.
    artefacts : mapping of artefact to int
    left_out : tuple of str
        Artefacts of the spec that cannot be made without the audited model, where `all` were asked for.
    """

    manifest: Path
    n_copies: int
    n_with: Mapping[str, int]
    n_of: Mapping[str, int]
    artefacts: Mapping[str, int]
    left_out: tuple[str, ...] = ()


def augment_folder(
    folder: Path | str,
    spec: Path | str,
    out: Path | str,
    *,
    artefacts: Choice = "all",
    probability: float = 0.5,
    copies: int = 1,
    seed: int = 0,
    told: Callable[[int, int], object] | None = None,
    allow_code: bool = False,
    allow_modules: Iterable[str] = (),
) -> Written:
    """Write copies of training images, each with one of the spec's artefacts at a rate that no label changes.

    The copies can stand in for the originals or beside them: every image is written `copies` times, with an artefact or
    without, all as PNG of 8 bits, so that neither file type nor compression tells which are which. The originals are
    not touched. What is drawn for a copy depends on its image's bytes, the number of the copy and the seed alone.

    Parameters
    ----------
    folder : path
        A folder with one subfolder per class, or a manifest (CSV, TSV, Parquet) with the columns that the spec's
        `data` names for image, label and mask.
    spec : path
        Its artefacts and the window of its `data`; weights and test images need not be there.
    out : path
        A new or empty folder; gets the images and `augmented.csv`.
    artefacts : "all" or sequence of str
    probability : float
        Rate at which a copy gets an artefact.
    copies : int
        Copies of each image, at least 1.
    seed : int
        Of the draws and of the designs of drawn artefacts.
    told : callable, optional
        Called with (done, total).
    allow_code : bool
        Whether Python functions that the artefacts name may run.
    allow_modules : iterable of str
        Instead: modules and packages whose functions may run.

    Returns
    -------
    Written

    Raises
    ------
    InputError
        For a folder without images, an `out` with something in it, or arguments out of range.
    """
    if copies < 1:
        raise InputError(f"copies must be 1 or more, not {copies}")
    loaded = load_spec(spec, check_paths=False)
    chosen = Artefacts(loaded, artefacts, probability, seed, CodePolicy.of(allow_code, allow_modules))
    training = _Training.found(Path(folder), loaded)
    out = Path(out)
    _demand_empty(out, Path(folder))
    rows: list[dict[str, object]] = []
    total = copies * len(training.entries)
    for done, (entry, sample, copy) in enumerate(training.wanted(copies), start=1):
        name = training.name(entry, copy)
        after = _augmented(chosen, sample, copy)
        write_bytes_atomically(out / name, _png(after))
        rows.append(training.row(entry, name, copy, after))
        if told is not None:
            told(done, total)
    manifest = write_bytes_atomically(out / MANIFEST, _csv(rows, training.columns))
    return _counted(manifest, rows, chosen)


@dataclass(frozen=True, slots=True)
class _Training:
    """The images to copy."""

    entries: tuple[Entry, ...]
    columns: tuple[str, ...]
    data: Data
    flags: Mapping[str, str]
    """Artefact -> the 0/1 column that says where it is."""

    @classmethod
    def found(cls, place: Path, loaded: LoadedSpec) -> _Training:
        """List the images of a folder or a manifest."""
        if not place.exists():
            raise InputError(f"there is no folder or manifest {str(place)!r}")
        named = audited_spec(loaded.spec).data
        window = named.window
        absolute = str(place.absolute())
        if place.is_dir():
            data = Data(folder=absolute, window=window)
            extra: tuple[str, ...] = ()
        else:
            extra = tuple(read_table(place).columns)
            mask = named.mask if named.mask in extra else None
            data = Data(manifest=absolute, image=named.image, label=named.label, mask=mask, window=window)
        source = find_source(data, place.absolute().parent, Store())
        flags = {
            name: artefact.column
            for name, artefact in loaded.spec.artefacts.items()
            if artefact.column is not None and artefact.column in extra
        }
        entries = tuple({entry.id: entry for entry in source.entries}.values())  # a row that is repeated counts once
        return cls(entries, tuple(name for name in extra if name not in OWN_COLUMNS), data, flags)

    def wanted(self, copies: int) -> Iterator[tuple[Entry, Sample, int]]:
        """Yield every image with the number of each of its copies."""
        for entry in self.entries:
            sample = Sample(
                entry.id, entry.path, 0, entry.id, entry.mask, {}, file_sha256(entry.path), entry.location,
                self.data.window,
            )  # fmt: skip
            yield from ((entry, sample, copy) for copy in range(copies))

    def name(self, entry: Entry, copy: int) -> str:
        """Place of a copy: under its label, by the path and type of its original."""
        path = PurePosixPath(entry.id)
        parts = [part for part in path.parts if part not in ("/", "..", ".")]
        inner = parts[1:-1] if self.data.folder is not None else parts[:-1]  # a folder's first part is the label
        kind = path.suffix.lower().removeprefix(".")
        stem = f"{path.stem}_{kind}" if path.suffix.lower() in SUFFIXES else path.name
        return str(PurePosixPath(_safe(entry.label or "unlabelled"), *inner, f"{stem}_{copy}.png"))

    def row(self, entry: Entry, name: str, copy: int, after: Augmented) -> dict[str, object]:
        """Give a copy's line: what was put where, and the original's own columns, its artefact flag raised."""
        left, top, right, bottom = after.box
        further = {column: entry.cells.get(column) for column in self.columns}
        if after.artefact in self.flags:
            further[self.flags[after.artefact]] = "1"
        if self.data.manifest is not None and self.data.image in further:
            further[self.data.image] = name
        own = (name, entry.label, entry.id, copy, after.artefact, after.instance, left, top, right, bottom)
        return further | dict(zip(OWN_COLUMNS, own, strict=True))


def _augmented(chosen: Artefacts, sample: Sample, copy: int) -> Augmented:
    image = load_rgb(sample)
    mask = load_mask(sample, (image.shape[1], image.shape[0])) if sample.mask is not None else None
    return chosen.put(image, stream("augment/copy", chosen.seed, sample.digest, copy), mask)


def _safe(label: str) -> str:
    return "".join("_" if letter in '/\\:*?"<>|' else letter for letter in label)


def _png(after: Augmented) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(after.image).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _csv(rows: list[dict[str, object]], further: tuple[str, ...]) -> bytes:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, (*OWN_COLUMNS, *further), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def _demand_empty(out: Path, folder: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is not empty", hint="name a new or empty folder")
    if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{out} lies inside {folder}", hint="copies there would be taken for a class")


def _counted(manifest: Path, rows: list[dict[str, object]], chosen: Artefacts) -> Written:
    labels = Counter(str(row["label"]) for row in rows)
    touched = [row for row in rows if row["artefact"]]
    by_label, by_artefact = Counter(str(row["label"]) for row in touched), Counter(row["artefact"] for row in touched)
    return Written(
        manifest=manifest,
        n_copies=len(rows),
        n_with={label: by_label[label] for label in sorted(labels)},
        n_of={label: labels[label] for label in sorted(labels)},
        artefacts={name: by_artefact[name] for name in chosen.names},
        left_out=chosen.left_out,
    )
