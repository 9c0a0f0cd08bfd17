"""Artefacts taken out of the images that have them, in stored chunks, and the pictures of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from auditlens.challenge.asking import N_RENDERERS
from auditlens.challenge.pairs import ChosenPair, choose_pairs
from auditlens.challenge.removal import Removed, removed
from auditlens.challenge.rendering import bounding_box, energy
from auditlens.challenge.stamps import PICTURES, read_picture
from auditlens.challenge.trials import choose_rows
from auditlens.data.loader import prefetch
from auditlens.errors import ArtefactError
from auditlens.findings.decision import OperatingPoint
from auditlens.gather.context import Context
from auditlens.gather.separability import logits_of
from auditlens.spec.artefacts import Artefact, Removal
from auditlens.spec.paths import resolve
from auditlens.stages.evidence import ArtefactTrials, Evidence, Skipped
from auditlens.stages.plan import AuditPlan
from auditlens.stages.removal import RemovalFinding, RemovalPicture, Removals
from auditlens.store.folders import file_sha256
from auditlens.subject.outputs import probabilities_of

REASONS = ("fit", "mask", "lesion", "room")
"""Why an image cannot take part, as stored: its place here."""
N_PICTURES = 3
Add = Callable[[str, np.ndarray], str]
"""Stores a picture in the run folder under a name, and says where."""


def mask_files(context: Context) -> dict[str, dict[int, Path]]:
    """Find the masks of every artefact that can be taken out: artefact to row of the data index to mask.

    Raises
    ------
    ArtefactError
        A folder is missing or holds no picture, or a mask could belong to two images.
    """
    found = {}
    for name, artefact in context.spec.artefacts.items():
        if artefact.removal is not None:
            found[name] = _masks_of(context, f"artefacts.{name}.removal.masks", artefact.removal)
    return found


def _masks_of(context: Context, where: str, removal: Removal) -> dict[int, Path]:
    folder = resolve(removal.masks, context.base)
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES) if folder.is_dir() else []
    if not files:
        raise ArtefactError(f"{where}: {folder} holds no mask", hint="name a folder of pictures, one per image")
    rows: dict[str, list[int]] = {}
    for row, sample in enumerate(context.index.samples):
        rows.setdefault(sample.path.stem, []).append(row)
    by_stem = {path.stem: path for path in files}
    twice = next((stem for stem in by_stem if len(rows.get(stem, ())) > 1), None)
    if twice is not None:
        names = " and ".join(context.index.samples[row].id for row in rows[twice][:2])
        raise ArtefactError(f"{where}: {by_stem[twice]} could belong to {names}", hint="give images names of their own")
    return {rows[stem][0]: path for stem, path in by_stem.items() if stem in rows}


def removals(context: Context) -> tuple[dict[str, Removals], list[Skipped]]:
    """Take every artefact out for which the spec has masks; what cannot be is skipped, with the reason."""
    found: dict[str, Removals] = {}
    skipped: list[Skipped] = []
    for name, masks in mask_files(context).items():
        removal = removal_of(context, name, context.spec.artefacts[name], masks)
        if len(removal.trials.image_indices):
            found[name] = removal
        else:
            skipped.append(_nothing(name, removal))
    return found, skipped


def _nothing(name: str, removal: Removals) -> Skipped:
    counts = (
        (removal.n_unflagged, "not flagged in the artefact's column"),
        (removal.n_no_mask, "with an empty or too large mask"),
        (removal.n_over_lesion, "with the artefact over the lesion"),
        (removal.n_no_room, "without room for a control"),
    )
    said = ", ".join(f"{n} {why}" for n, why in counts if n)
    why = f"of {removal.n_masks} images with a mask none could be used" + (f": {said}" if said else "")
    return Skipped(what=f"removal of {name}", why=why, remedy="give masks named as images that have the artefact")


def removal_of(context: Context, name: str, artefact: Artefact, masks: Mapping[int, Path]) -> Removals:
    """Take one artefact out of the images that have it and a mask."""
    column, samples = artefact.column, context.index.samples
    flagged = sorted(row for row in masks if column is None or samples[row].columns[column] == 1)
    limit = context.spec.challenge.max_images_per_class
    rows = choose_rows(flagged, context.samples.labels.tolist(), limit, context.index.digests)
    arrays = _measured(context, name, artefact, masks, rows) if rows else _none(context)
    reasons = arrays["reason"]
    fit = reasons == 0
    return Removals(
        trials=_as_trials(context, name, np.asarray(rows, dtype=np.int64)[fit], arrays, fit),
        n_masks=len(masks),
        n_unflagged=len(masks) - len(flagged),
        n_no_mask=int((reasons == REASONS.index("mask")).sum()),
        n_over_lesion=int((reasons == REASONS.index("lesion")).sum()),
        n_no_room=int((reasons == REASONS.index("room")).sum()),
    )


def _none(context: Context) -> dict[str, np.ndarray]:
    empty = np.zeros((0, len(context.behaving.classes)), dtype=np.float32)
    boxes, reasons = np.zeros((0, 4), dtype=np.int64), np.zeros(0, dtype=np.int64)
    nothing: dict[str, np.ndarray] = {"after": empty, "control": empty, "area": np.zeros(0), "energy": np.zeros(0)}
    return {**nothing, "box": boxes, "reason": reasons}


def _measured(
    context: Context, name: str, artefact: Artefact, masks: Mapping[int, Path], rows: Sequence[int]
) -> dict[str, np.ndarray]:
    assert artefact.removal is not None  # only such artefacts are taken out
    lesions = [context.index.samples[row].mask for row in rows]
    key = context.behaviour_key(
        removed=name,
        described=artefact.removal.model_dump(mode="json"),
        rows=list(rows),
        masks=[file_sha256(masks[row]) for row in rows],
        lesions=[None if mask is None else file_sha256(mask) for mask in lesions],
    )
    context.progress.stage(f"Artefact taken out: {name}", len(rows))

    def ready(row: int) -> tuple[Removed | str, list[torch.Tensor | None]]:
        made = removed_at(context, name, masks, row)
        if isinstance(made, str):
            return made, [None, None]
        with torch.inference_mode():
            return made, [context.behaving.prepare(made.after), context.behaving.prepare(made.control)]

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        width = max(context.batch_size // 2, 1)
        parts = []
        with closing(prefetch(rows[start:stop], ready, N_RENDERERS, 2 * width)) as made:
            for group in iter(lambda: list(islice(made, width)), []):
                answers = logits_of(context, [inputs for _, inputs in group])
                parts.append(_described([one for one, _ in group]) | {"after": answers[:, 0], "control": answers[:, 1]})
        return {array: np.concatenate([part[array] for part in parts]) for array in parts[0]}

    arrays = context.store.chunked("removals", key, len(rows), context.chunk_size, compute, context.told())
    context.progress.done()
    return arrays


def removed_at(context: Context, name: str, masks: Mapping[int, Path], row: int) -> Removed | str:
    """Take the artefact out of one image: the pixels that the model sees, or why it cannot be."""
    removal = context.spec.artefacts[name].removal
    assert removal is not None  # only such artefacts are taken out
    mask = read_picture(masks[row], "L")
    return removed(context.load(row), mask, context.index.samples[row], name, removal, context.spec.seed)


def _described(made: Sequence[Removed | str]) -> dict[str, np.ndarray]:
    """What is kept of each image beside the model's answers; zeros where it could not take part."""
    fit = [one if isinstance(one, Removed) else None for one in made]
    reason = [REASONS.index("fit" if isinstance(one, Removed) else one) for one in made]
    return {
        "area": np.array([0.0 if one is None else float(one.region.mean()) for one in fit]),
        "energy": np.array([np.nan if one is None else _energy_ratio(one) for one in fit]),
        "box": np.array([(0, 0, 0, 0) if one is None else bounding_box(one.region) for one in fit], dtype=np.int64),
        "reason": np.array(reason, dtype=np.int64),
    }


def _energy_ratio(made: Removed) -> float:
    own = energy(made.before, made.after)
    return energy(made.before, made.control) / own if own else float("nan")


def _as_trials(
    context: Context, name: str, rows: np.ndarray, arrays: Mapping[str, np.ndarray], fit: np.ndarray
) -> ArtefactTrials:
    output = context.behaving.output
    after, control = arrays["after"][fit], arrays["control"][fit]
    return ArtefactTrials(
        artefact=name,
        image_indices=rows,
        instances=np.arange(len(rows)),
        instance_names=tuple(context.index.samples[int(row)].id for row in rows),
        logits=after,
        sham_logits=control,
        probabilities=probabilities_of(after, output),
        sham_probabilities=probabilities_of(control, output),
        area=arrays["area"][fit],
        energy_ratio=arrays["energy"][fit],
        boxes=arrays["box"][fit],
    )


def removal_pictures(
    findings: Sequence[RemovalFinding], plan: AuditPlan, context: Context, evidence: Evidence, add: Add
) -> tuple[RemovalFinding, ...]:
    """Write two or three example pictures per finding into the run folder, and name them in the findings."""
    masks = mask_files(context) if findings else {}
    threshold = OperatingPoint.of(plan.model).threshold
    n = min(context.spec.challenge.n_pairs, N_PICTURES)

    def pictured(row: RemovalFinding) -> RemovalFinding:
        trials, class_index = evidence.removals[row.artefact].trials, plan.model.classes.index(row.class_name)
        chosen = choose_pairs(trials, evidence.predictions, class_index, threshold, n)
        shown = tuple(_picture(row.artefact, pair, trials, context, masks[row.artefact], add) for pair in chosen)
        return row.model_copy(update={"pictures": shown})

    return tuple(pictured(row) for row in findings)


def _picture(
    name: str, pair: ChosenPair, trials: ArtefactTrials, context: Context, masks: Mapping[int, Path], add: Add
) -> RemovalPicture:
    row = int(trials.image_indices[pair.position])
    made = removed_at(context, name, masks, row)
    assert isinstance(made, Removed)  # it was measured
    safe = "".join(letter if letter.isalnum() or letter in "._" else "_" for letter in name)
    stem = f"removals/{safe}-{pair.position}"
    return RemovalPicture(
        image_id=context.index.samples[row].id,
        kind=pair.kind,
        true_class=context.subject.classes[context.index.samples[row].label],
        before=pair.before,
        after=pair.after,
        control=float(pair.sham if pair.sham is not None else np.nan),
        files={
            "before": add(f"{stem}-before", made.before),
            "after": add(f"{stem}-after", made.after),
            "control": add(f"{stem}-control", made.control),
        },
    )
