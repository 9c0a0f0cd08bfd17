"""Artefact tests: each artefact of the spec put into clean images, in stored chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from auditlens.challenge.doses import demand_doses
from auditlens.challenge.eligible import Eligible, eligible
from auditlens.challenge.insertion import insert_chunk
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.rendering import ArtefactSource
from auditlens.challenge.trials import choose_rows, clean_rows, plan_trials
from auditlens.errors import ArtefactError
from auditlens.gather.context import Context
from auditlens.gather.transplants import check_transplant
from auditlens.spec.artefacts import (
    Artefact,
    Background,
    ColourProfile,
    Cutout,
    Overlay,
    Pictures,
    Python,
    Transplant,
)
from auditlens.spec.paths import resolve
from auditlens.stages.eligibility import LeftOut
from auditlens.stages.evidence import ArtefactTrials, Skipped
from auditlens.store.folders import file_sha256
from auditlens.store.python_objects import load_function, sources_sha256

ARRAYS = tuple(field.name for field in fields(ArtefactTrials) if field.name not in ("artefact", "instance_names"))


def artefact_sources(context: Context) -> dict[str, ArtefactSource]:
    """Load every artefact of the spec; a broken picture is an error before anything is run.

    Transplants are checked only: they need the inside of the model (`gather.transplants`).
    """
    found = {name: _source(context, name, artefact) for name, artefact in context.spec.artefacts.items()}
    return {name: source for name, source in found.items() if source is not None}


def _source(context: Context, name: str, artefact: Artefact) -> ArtefactSource | None:
    try:
        clean_rows(context.index, artefact, context.base)  # a column that is not there is told now, not later
        if isinstance(artefact, Transplant):
            check_transplant(artefact, context.base)
            return None
        source = load_artefact(artefact, context.base, context.spec.seed, context.index)
        demand_doses(source)
    except ArtefactError as error:
        raise ArtefactError(f"artefacts.{name}: {error.message}", location=error.location, hint=error.hint) from error
    return source


def artefact_trials(
    context: Context, sources: Mapping[str, ArtefactSource]
) -> tuple[dict[str, ArtefactTrials], list[Skipped]]:
    """Put every artefact into clean images; artefacts without a single clean image are skipped, with the reason."""
    trials: dict[str, ArtefactTrials] = {}
    skipped: list[Skipped] = []
    for name, artefact in context.spec.artefacts.items():
        if name not in sources:  # a transplant that could not be made; the reason stands with it
            continue
        rows = trial_rows(context, artefact)
        if not rows:
            skipped.append(_no_clean_image(context, name, artefact))
        else:
            trials[name] = _trials(context, name, artefact, sources[name], rows)
    return trials, skipped


def trial_rows(context: Context, artefact: Artefact) -> tuple[int, ...]:
    """Clean images of the artefact, at most so many per class, drawn by image hash."""
    limit = context.spec.challenge.max_images_per_class
    labels = context.samples.labels.tolist()
    return choose_rows(eligible_images(context, artefact).rows, labels, limit, context.index.digests)


def eligible_images(context: Context, artefact: Artefact) -> Eligible:
    """Images that an artefact may go into, and which are left out why; by scores where it asks for them."""
    score = artefact.clean_by.score if artefact.clean_by is not None else None
    carrying = context.carriers[score].holds if score is not None else None
    return eligible(context.index, artefact, context.base, carrying)


def images_left_out(context: Context) -> dict[str, tuple[LeftOut, ...]]:
    """By artefact: images that it may not go into, by reason; artefacts that may go into all are not listed."""
    found = {name: eligible_images(context, artefact).left_out for name, artefact in context.spec.artefacts.items()}
    return {name: rows for name, rows in found.items() if rows}


def described(artefact: Artefact) -> dict[str, Any]:
    """What the spec says of the artefact as it is tested; a dose is another test."""
    return artefact.model_dump(mode="json", exclude={"dose"})


def pictures_digest(context: Context, name: str) -> str:
    """SHA-256 over what an artefact's pictures are made of: its files, and what the audited model's inside gave them.

    The latter are soft masks, or where it must not lie; most artefacts have none.
    """
    files, made = files_digest(context.spec.artefacts[name], context.base), context.pictures.get(name)
    return files if made is None else hashlib.sha256(f"{files}|{made}".encode()).hexdigest()


def files_digest(artefact: Artefact, base: Path) -> str:
    """SHA-256 over the files that an artefact is made of, so that a changed cut-out or function is a new result."""
    digest = hashlib.sha256()
    if isinstance(artefact, Python):
        folder = resolve(artefact.import_path, base) if artefact.import_path is not None else None
        digest.update(sources_sha256(load_function(artefact.function, folder, ArtefactError), folder).encode())
    for path in _files(artefact, base):
        digest.update(f"{path.name}|{file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _files(artefact: Artefact, base: Path) -> list[Path]:
    listed = _listed(artefact)
    if listed is not None:
        entries = (listed,) if isinstance(listed, str) else listed
        return [path for entry in entries for path in _expand(resolve(entry, base))]
    if isinstance(artefact, Cutout):
        masks = _expand(resolve(artefact.masks, base))
        stems = {path.stem for path in masks}
        return masks + [path for path in _expand(resolve(artefact.images, base)) if path.stem in stems]
    return []


def _listed(artefact: Artefact) -> Pictures | None:
    """Folders and patterns that an artefact names, but for the paired folders of cut-outs."""
    if isinstance(artefact, Overlay | Background):
        return artefact.images
    return artefact.profiles if isinstance(artefact, ColourProfile) else None


def _expand(place: Path) -> list[Path]:
    found = place.rglob("*") if place.is_dir() else place.parent.glob(place.name)
    return sorted(path for path in found if path.is_file())


def _no_clean_image(context: Context, name: str, artefact: Artefact) -> Skipped:
    found = context.carriers.get((artefact.clean_by.score if artefact.clean_by is not None else None) or "")
    if found is not None:
        why = found.why or f"no image is clean of it by the score of {found.concept}"
        return Skipped(f"artefact {name}", why, "flag the images in a column, or give the concept other examples")
    left_out = eligible_images(context, artefact).left_out
    reasons = "; ".join(f"{row.what}: {row.why}, {row.n_images} images" for row in left_out)
    return Skipped(
        what=f"artefact {name}",
        why=f"no image is clean of it and fit for it ({reasons})",
        remedy="add images without the artefact, or shorten `clean_of` or `only`",
    )


def _trials(
    context: Context, name: str, artefact: Artefact, source: ArtefactSource, rows: tuple[int, ...]
) -> ArtefactTrials:
    seed, repeats = context.spec.seed, context.spec.challenge.instances_per_image
    planned = plan_trials(context.index, name, source, rows, seed=seed, repeats=repeats)
    context.progress.stage(f"Artefact test: {name}", len(planned))

    def compute(start: int, stop: int) -> dict[str, np.ndarray]:
        found, _ = insert_chunk(
            context.behaving,
            context.index,
            name,
            source,
            planned[start:stop],
            seed=seed,
            batch_size=context.batch_size,
        )
        return {field: getattr(found, field) for field in ARRAYS}

    key = context.behaviour_key(
        artefact=name,
        described=described(artefact),
        pictures=pictures_digest(context, name),
        trials=[[trial.row, trial.repetition, trial.instance] for trial in planned],
    )
    arrays = context.store.chunked("artefact-trials", key, len(planned), context.chunk_size, compute, context.told())
    context.progress.done()
    return ArtefactTrials(artefact=name, instance_names=source.names, **arrays)
