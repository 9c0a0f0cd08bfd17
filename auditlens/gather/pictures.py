"""Pictures for the reports: crops of concept examples, and pairs before, after and with the sham."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from auditlens.challenge.pairs import ChosenPair, choose_pairs, render_pair
from auditlens.challenge.rendering import ArtefactSource
from auditlens.findings.decision import OperatingPoint
from auditlens.gather.context import Context
from auditlens.gather.dose_pictures import combination_pictures, dose_strips
from auditlens.gather.evidence import Gathered
from auditlens.gather.removal import removal_pictures
from auditlens.stages.evidence import ArtefactTrials
from auditlens.stages.findings import ArtefactFinding, ComponentFinding, Example, Findings, Pair
from auditlens.stages.labelling import UnexpectedComponent
from auditlens.stages.plan import AuditPlan
from auditlens.stages.states import ComponentState
from auditlens.store.run_folder import RunFolder

SIDE = 224
"""Longest side of a stored picture in pixels: sharp at the size the reports show, small enough to send."""
QUALITY = 88
N_EXAMPLES = 8
Pixels = NDArray[np.uint8]
Part = Literal["before", "after", "sham"]


def with_pictures(
    findings: Findings,
    plan: AuditPlan,
    context: Context,
    gathered: Gathered,
    folder: RunFolder,
) -> Findings:
    """Write the pictures into the run folder, and name them in the findings."""
    context.progress.stage("Pictures", None)
    album = _Album(folder)
    rows = {sample.id: row for row, sample in enumerate(context.index.samples)}
    drawn, shown_rows = context.on_examples, _shown(findings, context.spec.report.n_components)
    drawn_rows = {sample.id: row for row, sample in enumerate(drawn.index.samples)}
    components = tuple(_crops(row, drawn, drawn_rows, album) for row in shown_rows)
    shown = {(row.id, row.class_name): row for row in components}
    artefacts = tuple(_pairs(row, plan, context, gathered, album) for row in findings.artefacts)
    unexpected = tuple(_relevant_images(row, context, rows, album) for row in findings.unexpected)
    doses = dose_strips(findings, plan, context, gathered, album.add)
    combined = combination_pictures(findings, plan, context, gathered, album.add)
    context.progress.done()
    return findings.model_copy(
        update={
            "components": tuple(shown.get((row.id, row.class_name), row) for row in findings.components),
            "artefacts": artefacts,
            "unexpected": unexpected,
            "doses": doses,
            "combinations": combined,
            "removals": removal_pictures(findings.removals, plan, context, gathered.evidence, album.add),
        }
    )


def _shown(findings: Findings, n_components: int) -> list[ComponentFinding]:
    """The components that the report shows: the most relevant of each class and layer, and the unexpected ones."""
    unexpected = {row.id for row in findings.unexpected if row.state is ComponentState.UNEXPECTED}
    taken: dict[tuple[str, str], int] = {}
    shown = []
    for row in sorted(findings.components, key=lambda row: -(row.relevance.value or 0.0)):
        group = (row.class_name, row.layer)
        taken[group] = taken.get(group, 0) + 1
        if taken[group] <= n_components or row.id in unexpected:
            shown.append(row)
    return shown


def _relevant_images(
    row: UnexpectedComponent, context: Context, rows: Mapping[str, int], album: _Album
) -> UnexpectedComponent:
    """Store the images on which an unexpected component matters most, each image once; unverified ones have none."""
    if row.state is not ComponentState.UNEXPECTED:
        return row
    images = tuple(
        image.model_copy(
            update={"file": album.add(f"relevant/{rows[image.image_id]}", context.load(rows[image.image_id]))}
        )
        for image in row.images
    )
    return row.model_copy(update={"images": images})


@dataclass(frozen=True, slots=True)
class _Album:
    folder: RunFolder

    def add(self, name: str, pixels: Pixels) -> str:
        """Store a picture once; returns its name in the run folder."""
        path = f"images/{name}.jpg"
        if not (self.folder.path / path).exists():
            self.folder.write_bytes(path, jpeg(pixels))
        return path


def jpeg(pixels: Pixels) -> bytes:
    """Encode a picture, brought to at most `SIDE` pixels; the same pixels give the same bytes."""
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _crops(row: ComponentFinding, context: Context, rows: Mapping[str, int], album: _Album) -> ComponentFinding:
    examples = tuple(
        _crop(example, f"crops/{_safe(row.layer)}-{row.index}-{place}", context, rows, album)
        for place, example in enumerate(row.examples[:N_EXAMPLES])
    )
    return row.model_copy(update={"examples": (*examples, *row.examples[N_EXAMPLES:])})


def _crop(example: Example, name: str, context: Context, rows: Mapping[str, int], album: _Album) -> Example:
    left, top, right, bottom = example.box
    pixels = context.load(rows[example.image_id])[top:bottom, left:right]
    return example.model_copy(update={"file": album.add(name, np.ascontiguousarray(pixels))})


def _pairs(
    row: ArtefactFinding,
    plan: AuditPlan,
    context: Context,
    gathered: Gathered,
    album: _Album,
) -> ArtefactFinding:
    evidence = gathered.evidence
    trials = evidence.trials[row.artefact]
    class_index = plan.model.classes.index(row.class_name)
    threshold = OperatingPoint.of(plan.model).threshold
    chosen = choose_pairs(trials, evidence.predictions, class_index, threshold, context.spec.challenge.n_pairs)
    pairs = tuple(_pair(row, pair, trials, context, gathered.sources[row.artefact], album) for pair in chosen)
    return row.model_copy(update={"pairs": pairs})


def _pair(
    row: ArtefactFinding,
    pair: ChosenPair,
    trials: ArtefactTrials,
    context: Context,
    source: ArtefactSource,
    album: _Album,
) -> Pair:
    sample = context.index.samples[int(trials.image_indices[pair.position])]
    pictures = render_pair(context.index, row.artefact, source, trials, pair.position, context.spec.seed)
    name = f"pairs/{_safe(row.artefact)}-{pair.position}"
    parts: tuple[Part, ...] = ("before", "after", "sham")
    return Pair(
        image_id=sample.id,
        kind=pair.kind,
        true_class=context.subject.classes[sample.label],
        before=pair.before,
        after=pair.after,
        sham=pair.sham,
        files={
            part: album.add(f"{name}-{part}", pixels)
            for part, pixels in zip(parts, pictures, strict=True)
            if pixels is not None
        },
    )


def _safe(name: str) -> str:
    """A name that may stand in a path."""
    return "".join(letter if letter.isalnum() or letter in "._" else "_" for letter in name)
