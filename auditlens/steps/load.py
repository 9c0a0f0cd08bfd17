"""Loading: the model, the images and the foundation model that a spec names, as the context of every measurement."""

from __future__ import annotations

import torch

from auditlens.data.sample import DataIndex
from auditlens.data.subgroups import partitions
from auditlens.data.verification import verify_images
from auditlens.errors import AuditLensError
from auditlens.gather.context import Context, FurtherImages
from auditlens.gather.released import Models, load_models
from auditlens.gather.resolve import demand_columns, flagged_values
from auditlens.gather.sets import FoundSets, find_sets
from auditlens.gather.strata import found_strata
from auditlens.plan.build import audited_classes
from auditlens.plan.gates import demand_layers
from auditlens.plan.selection import Chosen
from auditlens.semantics.foundation import load_foundation
from auditlens.spec.load import LoadedSpec
from auditlens.spec.model import AuditSpec
from auditlens.stages.evidence import Samples
from auditlens.stages.subgroups import PlannedStrata
from auditlens.steps.machine import Machine, best_device, use_threads
from auditlens.store import Store


def load(chosen: Chosen, machine: Machine) -> Context:
    """Load everything that a spec names, and check it before any image goes through a model.

    Raises
    ------
    AuditLensError
        A file that is not what the spec says, or a class, layer, column or image that is not there.
    """
    use_threads(machine.threads)
    store, device = machine.opened_store(), best_device(machine.device)
    machine.progress.stage("Loading the model and the images", None)
    models = _load_models(chosen.loaded, device)
    found, strata = _load_images(chosen, models, store)
    context = _context(chosen, machine, models, found, strata, store, device)
    machine.progress.done(f"{len(context.index)} images")
    return context


def _load_models(loaded: LoadedSpec, device: str) -> Models:
    """Load what the spec's `model` describes; a fault that is known to be one field's is told with its place."""
    try:
        models = load_models(loaded.spec.model, loaded.base, device)
    except AuditLensError as error:
        if error.field is not None and error.location is None:
            error.location = loaded.locate(error.field)
        raise
    # A class or a layer that the model lacks is told before the images are read.
    audited_classes(loaded.spec, models.subject.classes)
    demand_layers(loaded.spec, tuple(layer.name for layer in models.subject.layers), loaded.locate)
    return models


def _load_images(chosen: Chosen, models: Models, store: Store) -> tuple[FoundSets, PlannedStrata | None]:
    """Find the images, and check their columns and that each can be read."""
    spec = chosen.loaded.spec
    found = find_sets(chosen, models.subject.classes, store)
    further = found.seeing[1] if found.seeing is not None else None
    demand_columns(spec, found.index, further)
    strata = found_strata(spec.data.strata, found.index, chosen.loaded.locate)
    verify_images(found.index, store)
    for images in (further, found.examples[1] if found.examples is not None else None):
        if images is not None:
            verify_images(images, store)
    return found, strata


def _context(
    chosen: Chosen,
    machine: Machine,
    models: Models,
    found: FoundSets,
    strata: PlannedStrata | None,
    store: Store,
    device: str,
) -> Context:
    spec, base, subject = chosen.loaded.spec, chosen.loaded.base, models.subject
    batch_size, n_threads = machine.images_per_pass, torch.get_num_threads()
    context = Context(
        spec=spec,
        base=base,
        subject=subject,
        index=found.index,
        samples=_samples(spec, found.index, strata),
        foundation=load_foundation(spec.foundation, base, device) if spec.foundation is not None else None,
        store=store,
        progress=machine.progress,
        batch_size=batch_size,
        model_key={"subject": subject.digest, "batch": batch_size, "threads": n_threads, "on": device},
        released=models.released,
        no_inside=models.no_inside,
        opinions=tuple(load_foundation(part, base, device) for part in spec.opinions),
        sets=found.planned,
        seeing=_further(spec, found.seeing) if spec.foundation is not None else None,
        examples=_further(spec, found.examples),
    )
    return context if context.no_inside is None else context.without_examples()


def _samples(spec: AuditSpec, index: DataIndex, strata: PlannedStrata | None) -> Samples:
    return index.to_samples(flagged_values(spec, index.columns), partitions(index, strata.by if strata else ()))


def _further(spec: AuditSpec, images: tuple[str, DataIndex] | None) -> FurtherImages | None:
    """A set beside the audited images, where there is one."""
    if images is None:
        return None
    name, index = images
    return FurtherImages(name, index, index.to_samples(flagged_values(spec, index.columns)))
