"""The stages that look into the model, and those of the foundation model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import ceil
from typing import cast

import numpy as np

from auditlens.challenge.rendering import ArtefactSource
from auditlens.challenge.trials import choose_rows
from auditlens.examine.attribution.attributor import Attributor
from auditlens.examine.attribution.integrated_gradients import N_STEPS
from auditlens.examine.crops import MOST_MAPS, choose_heatmaps
from auditlens.findings.ablation_groups import N_RANDOM, N_SINGLE, N_SPREAD, STATES
from auditlens.findings.confrontation import artefact_of
from auditlens.findings.mediation_groups import N_CONTROLS
from auditlens.findings.selection import FEWEST
from auditlens.gather.behaviour import eager_pass
from auditlens.gather.context import Context, FurtherImages
from auditlens.gather.inside import N_NULL, chosen_components, component_examples, layer_relevance
from auditlens.gather.responses import artefact_responses, clean_activations, first_trials
from auditlens.gather.seen import N_SEEN, inserted_concepts, needs_insertion
from auditlens.gather.space import image_embeddings
from auditlens.gather.trials import trial_rows
from auditlens.gather.vocabulary import vocabulary_words
from auditlens.preview.behaviour import ONE, stored_trials
from auditlens.preview.looks import Asked, Asking, exactly
from auditlens.semantics.foundation import FoundationModel
from auditlens.stages.evidence import ArtefactTrials, LayerExamples, LayerRelevance
from auditlens.stages.planned_run import NOTHING, Span
from auditlens.store.looking import NotStoredError

BY_LABEL = "how many groups of components there are follows from the labels"
BY_RELEVANCE = "how many components are looked at follows from their relevance"


def relevance_passes(attributor: Attributor) -> tuple[Span, Span]:
    """Forward and backward passes of one image and class; integrated gradients also run a baseline per batch."""
    if attributor.name == "integrated_gradients":
        return Span(low=N_STEPS + 1, high=N_STEPS + 2), exactly(N_STEPS)
    return ONE, ONE


def relevance_steps(asking: Asking, attributor: Attributor, audited: Sequence[str]) -> Iterator[Asked]:
    """Relevance of every layer for every audited class."""
    for layer in asking.context.layer_names():
        for name in audited:
            question = partial(layer_relevance, attributor=attributor, layer=layer, class_name=name)
            found = asking.ask(question, "audited", relevance_passes(attributor))
            assert found is not None  # there are images
            yield found


def crop_steps(
    asking: Asking,
    attributor: Attributor,
    relevance: Mapping[tuple[str, str], LayerRelevance],
    audited: Sequence[str],
) -> Iterator[Asked]:
    """Crops of the components that matter, and their embeddings; exact where relevance is stored."""
    context = asking.context
    examples = _stored_examples(asking)
    for layer in context.layer_names():
        known = [found for (name, _), found in relevance.items() if name == layer]
        if examples is not None and len(known) == len(audited):
            yield from _known_crops(asking, attributor, layer, relevance, examples[layer])
        else:
            yield from _unknown_crops(context, attributor, layer, len(audited))


def _stored_examples(asking: Asking) -> dict[str, LayerExamples] | None:
    with suppress(NotStoredError):
        return eager_pass(asking.context.on_examples)[1]
    return None


def _known_crops(
    asking: Asking,
    attributor: Attributor,
    layer: str,
    relevance: Mapping[tuple[str, str], LayerRelevance],
    examples: LayerExamples,
) -> Iterator[Asked]:
    context = asking.context.on_examples
    components = chosen_components(context, relevance, layer)
    rows = examples.image_indices[components][:, : context.spec.examine.n_examples]
    pairs, n_images = int((rows >= 0).sum()), int(np.unique(rows[rows >= 0]).size)
    forward, backward = _crop_passes(context, attributor, exactly(n_images), exactly(pairs))
    looks = asking.looked(
        lambda context: component_examples(context.on_examples, attributor, layer, components, examples)
    )
    n_stored = {look.stage: look.n_stored for look in looks}
    yield Asked(f"Crops at {layer}", "crops", "audited", exactly(n_images), n_stored.get("crops", 0), forward, backward)
    if context.foundation is not None and len(components):
        n_null = min(N_NULL, 2 * len(context.index))
        items = exactly(pairs + n_null)
        yield Asked(
            f"Foundation model: crops at {layer}",
            "component-embeddings",
            "foundation",
            items,
            n_stored.get("component-embeddings", 0),
            Span(low=n_null + 1, high=items.high),
            note="equal crops are embedded once",
        )


def _unknown_crops(context: Context, attributor: Attributor, layer: str, n_classes: int) -> Iterator[Asked]:
    examine, n_images = context.spec.examine, len(context.on_examples.index)
    n_layer = context.subject.layer(layer).n_components
    most = min(examine.max_components * n_classes, n_layer)
    least = min(FEWEST, most) if examine.relevance_floor == "auto" else 0
    m = min(examine.n_examples, n_images)
    pairs = Span(low=least * m, high=most * m)
    images = Span(low=min(m, pairs.low), high=min(n_images, pairs.high))
    forward, backward = _crop_passes(context, attributor, images, pairs)
    yield Asked(f"Crops at {layer}", "crops", "audited", images, 0, forward, backward, note=BY_RELEVANCE)
    if context.foundation is not None:
        n_null = min(N_NULL, 2 * n_images)
        crops = Span(low=n_null + pairs.low, high=n_null + pairs.high)
        passes = Span(low=n_null, high=crops.high)
        title = f"Foundation model: crops at {layer}"
        yield Asked(title, "component-embeddings", "foundation", crops, 0, passes, note=BY_RELEVANCE)


def _crop_passes(context: Context, attributor: Attributor, images: Span, pairs: Span) -> tuple[Span, Span]:
    """One forward pass per image, more for one with very many components; with LRP a backward pass per crop."""
    heatmaps, _ = choose_heatmaps(context.subject, context.spec.examine.crops, attributor)
    if heatmaps is None:
        return NOTHING, NOTHING
    flat = any(layer.kind == "flat" for layer in context.subject.layers)
    return (
        Span(low=images.low, high=images.high + pairs.high // MOST_MAPS),
        pairs if heatmaps.name == "lrp" or flat else NOTHING,
    )


def response_steps(asking: Asking, sources: Mapping[str, ArtefactSource], classes: Sequence[str]) -> Iterator[Asked]:
    """Responses of the components to each artefact."""
    context = asking.context
    if not context.spec.challenge.response_images or not context.layer_names():
        return
    tested = [name for name in sources if trial_rows(context, context.spec.artefacts[name])]
    usual = asking.ask(clean_activations, "audited", (ONE, NOTHING)) if tested else None
    if usual is not None:
        yield usual
    for name in tested:
        found = asking.ask(
            partial(_responses, name=name, source=sources[name], classes=classes),
            "audited",
            (exactly(3), exactly(2 * len(classes))),
        )
        if found is not None:
            yield found


def _responses(context: Context, name: str, source: ArtefactSource, classes: Sequence[str]) -> None:
    """Ask for the responses alone: what is usual was asked for already."""
    with suppress(KeyError):
        artefact_responses(context, name, source, classes, {})


def embedding_steps(asking: Asking, sources: Mapping[str, ArtefactSource]) -> Iterator[Asked]:
    """What the foundation model sees beside the crops: whole images, artefacts put in, words."""
    context = asking.context
    if context.foundation is None or context.spec.foundation is None:
        return
    foundation = context.foundation
    yield from _whole_images(asking, foundation)
    words = asking.ask(
        partial(vocabulary_words, spec=context.spec.foundation, foundation=foundation),
        "foundation",
        (exactly(0), NOTHING),
        note="words, no images",
    )
    if words is not None:
        yield words
    trials = cast(dict[str, ArtefactTrials], stored_trials(asking, sources))
    for name, concept in context.spec.concepts.items():
        artefact = artefact_of(context.spec, name)
        if artefact in sources and artefact is not None and needs_insertion(concept, context):
            yield from _inserted(asking, sources, trials, artefact, name)


def _whole_images(asking: Asking, foundation: FoundationModel) -> Iterator[Asked]:
    found = asking.ask(lambda context: image_embeddings(context, foundation), "foundation", (ONE, NOTHING))
    if found is not None:
        yield found
    for images in filter(None, (asking.context.seeing, asking.context.examples)):
        question = partial(_further_images, images=images, foundation=foundation)
        further = asking.ask(question, "foundation", (ONE, NOTHING))
        yield from [further] if further is not None else []


def _further_images(context: Context, images: FurtherImages, foundation: FoundationModel) -> object:
    return image_embeddings(context.on(images), foundation, images.name)


def _inserted(
    asking: Asking,
    sources: Mapping[str, ArtefactSource],
    trials: Mapping[str, ArtefactTrials],
    artefact: str,
    name: str,
) -> Iterator[Asked]:
    context = asking.context
    if artefact in trials:
        one = {name: context.spec.concepts[name]}
        only = context.spec.model_copy(update={"concepts": one})
        found = asking.looked(
            lambda context: inserted_concepts(replace(context, spec=only), sources, {artefact: trials[artefact]})
        )
        n_items, stored = sum(look.n_items for look in found), sum(look.n_stored for look in found)
    else:
        planned = trial_rows(context, context.spec.artefacts[artefact])
        n_items, stored = min(N_SEEN, len(planned) * context.spec.challenge.instances_per_image), 0
    if n_items:
        title = f"Foundation model: inserted {artefact}"
        yield Asked(title, "inserted-embeddings", "foundation", exactly(n_items), stored, exactly(2 * n_items))


def ablation_steps(asking: Asking, classes: Sequence[str]) -> Iterator[Asked]:
    """Components silenced, layer by layer; which groups there are follows from the labels."""
    context = asking.context
    limit = context.spec.examine.ablation_images
    if not limit or context.foundation is None:
        return
    labels = context.samples.labels.tolist()
    n_rows = len(choose_rows(range(len(context.index)), labels, limit, context.index.digests))
    most = len(classes) * (N_SINGLE + N_SPREAD + (len(context.spec.concepts) + len(STATES)) * (1 + N_RANDOM)) + 1
    for layer in context.layer_names():
        yield _by_groups(context, f"Silencing components of {layer}", "ablations", n_rows, 0, most)


def mediation_steps(asking: Asking, sources: Mapping[str, ArtefactSource], classes: Sequence[str]) -> Iterator[Asked]:
    """Components at their clean values while an artefact goes in; artefacts without a group of components take none."""
    context = asking.context
    limit = context.spec.challenge.mediation_images
    if not limit or not context.layer_names() or context.foundation is None:
        return
    most = 1 + 3 * (1 + N_CONTROLS) * len(classes)
    n_trials = sum(len(first_trials(context, name, source, limit)) for name, source in sources.items())
    if n_trials:
        yield _by_groups(context, "Mediation by components", "mediations", n_trials, 1, most)


def _by_groups(context: Context, title: str, stage: str, n_items: int, clean: int, most: int) -> Asked:
    """One pass for all groups where the part behind the layer takes them as further images, else one per group."""
    least = 0 if stage == "mediations" else n_items
    trial = 2 * min(context.batch_size, n_items)
    return Asked(
        title=title,
        stage=stage,
        model="audited",
        items=Span(low=least, high=n_items),
        n_stored=0,
        forward=Span(low=least * (1 + clean), high=n_items * (most + clean) + ceil(trial)),
        note=BY_LABEL,
    )
