"""The images that excite spurious components most: what to look at first in the data, as a table and a sheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditlens.stages.findings import ComponentFinding, Example
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ComponentState

SPURIOUS: Final = (ComponentState.SPURIOUS, ComponentState.BOTH)
N_SHOWN: Final = 24
FILE: Final = "training_images.csv"
COLUMNS: Final = (
    *("image", "component", "label", "state", "class", "rank", "activation", "relevance_share", "true_class"),
    *("left", "top", "right", "bottom"),
)


@dataclass(frozen=True, slots=True)
class ImageFirst:
    """One image of the sheet.

    Attributes
    ----------
    image_id, true_class : str
    weight : float
        Sum of the shares of relevance of the spurious components that it is an example of, each once, for the class
        for which the sum is largest; 0 to 1.
    class_name : str
        That class.
    components : tuple of str
        Those components, the most relevant first.
    labels : tuple of str
        Their labels, each once.
    file : str or None
        Crop that drives the most relevant of them of which a picture is kept.
    """

    image_id: str
    true_class: str
    weight: float
    class_name: str
    components: tuple[str, ...]
    labels: tuple[str, ...]
    file: str | None


@dataclass(frozen=True, slots=True)
class ImagesFirst:
    """The picture sheet: the images with a kept picture that come first, and how many there are in all."""

    shown: tuple[ImageFirst, ...]
    n_images: int
    n_components: int


def spurious_components(record: AuditRecord) -> list[ComponentFinding]:
    """Components that carry a spurious concept, by class in the order of the findings, each by relevance."""
    rows = [row for row in record.findings.components if row.state in SPURIOUS]
    classes = list(dict.fromkeys(row.class_name for row in rows))
    return sorted(rows, key=lambda row: (classes.index(row.class_name), -_share(row), row.layer, row.index))


def _share(row: ComponentFinding) -> float:
    return row.relevance.value or 0.0


def training_images_bytes(run_dir: Path, record: AuditRecord) -> bytes:
    """Render `training_images.csv`: one row per spurious component, class and concept example, by relevance and rank.

    `rank` counts from 1, the most activating example; `left` to `bottom` are the crop that drives the component, in
    pixels of the image. Images are of the set that concept
    examples come from.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in spurious_components(record):
        writer.writerows(_cells(row, rank, example) for rank, example in enumerate(row.examples, start=1))
    return text.getvalue().encode("utf-8")


def _cells(row: ComponentFinding, rank: int, example: Example) -> list[str | int]:
    return [
        *(example.image_id, row.id, row.label or "", row.state.value, row.class_name, rank),
        *(f"{example.activation:.6g}", f"{_share(row):.6g}", example.label, *example.box),
    ]


def images_first(record: AuditRecord) -> ImagesFirst:
    """Collect the sheet: images by how much relevance the spurious components have that they excite most."""
    components = spurious_components(record)
    found = sorted(_images(components), key=lambda image: (-image.weight, image.image_id))
    pictured = [image for image in found if image.file is not None]
    return ImagesFirst(tuple(pictured[:N_SHOWN]), len(found), len({row.id for row in components}))


def _images(components: list[ComponentFinding]) -> Iterator[ImageFirst]:
    """Every image once, for the class in which it weighs most."""
    held: dict[tuple[str, str], list[tuple[ComponentFinding, Example]]] = {}
    for row in components:
        for example in row.examples:
            held.setdefault((example.image_id, row.class_name), []).append((row, example))
    best: dict[str, ImageFirst] = {}
    for (image_id, class_name), pairs in held.items():
        image = _image(image_id, class_name, pairs)
        if image_id not in best or image.weight > best[image_id].weight:
            best[image_id] = image
    yield from best.values()


def _image(image_id: str, class_name: str, pairs: list[tuple[ComponentFinding, Example]]) -> ImageFirst:
    return ImageFirst(
        image_id=image_id,
        true_class=pairs[0][1].label,
        weight=sum(_share(row) for row, _ in pairs),
        class_name=class_name,
        components=tuple(row.id for row, _ in pairs),
        labels=tuple(dict.fromkeys(row.label for row, _ in pairs if row.label)),
        file=next((example.file for _, example in pairs if example.file), None),
    )
