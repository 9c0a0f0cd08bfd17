"""Components of the audited model silenced for good: by its weights where that is shown to do it, else by hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from auditlens.data.index import read_index
from auditlens.data.sample import DataIndex
from auditlens.errors import IntegrityError
from auditlens.examine.audited import find_layer, input_batches
from auditlens.findings.pruning import Choice
from auditlens.spec.load import LoadedSpec
from auditlens.spec.model import Model
from auditlens.spec.paths import HUGGINGFACE
from auditlens.spec.sets import audited_spec
from auditlens.stages.plan import PlannedModel
from auditlens.store import Store
from auditlens.subject import Subject, load_subject
from auditlens.subject.folding import fold, hooked

N_TRIED: Final = 32
"""Images of the audited data on which silencing by weights is compared with silencing by hooks."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A model whose components have been silenced.

    Attributes
    ----------
    subject : Subject
        With the weights changed where they can do it, and without hooks for what was cut now.
    folded : frozenset of str
        Layers whose components are silenced by their weights.
    inputs : Tensor (B, C, H, W)
        Prepared images of the audited data.
    plain, expected : Tensor (B, classes)
        Logits of the model before, and with the components set to zero by hooks.
    file_gap : float or None
        Largest difference of a logit from `expected` without any hook; None where hooks are needed.
    """

    subject: Subject
    folded: frozenset[str]
    inputs: Tensor
    plain: Tensor
    expected: Tensor
    file_gap: float | None


def eager_model(model: Model) -> Model:
    """Leave the file that ships aside: its components cannot be reached, those of its eager twin can."""
    return model.model_copy(update={"released": None}) if model.released is not None else model


def load_audited(loaded: LoadedSpec, device: str, planned: PlannedModel) -> Subject:
    """Load the eager model of a run again, and see that it is the one of the record.

    Raises
    ------
    IntegrityError
        Other weights, or layers with another number of components.
    """
    subject = load_subject(eager_model(loaded.spec.model), loaded.base, device)
    if subject.weights_sha256 != planned.weights_sha256:
        raise IntegrityError(
            f"the weights are not those of the run: their SHA-256 is {subject.weights_sha256}, "
            f"the record has {planned.weights_sha256}"
        )
    found = {layer.name: layer.n_components for layer in subject.layers}
    if found != planned.n_components:
        raise IntegrityError(f"the examined layers are not those of the run: {found} now, {planned.n_components} then")
    return subject


@torch.no_grad()
def cut(subject: Subject, choices: Sequence[Choice], inputs: Tensor) -> Cut:
    """Silence components of a model, in place.

    Parameters
    ----------
    subject : Subject
        Its weights may be changed.
    choices : sequence of Choice
        At least one.
    inputs : Tensor (B, C, H, W)
        Prepared images.
    """
    by_layer = {layer: _of_layer(choices, layer) for layer in dict.fromkeys(choice.layer for choice in choices)}
    plain = subject.logits(inputs)
    expected = _silenced_logits(subject, by_layer, inputs)
    folded = frozenset(
        layer for layer, chosen in by_layer.items() if fold(subject, find_layer(subject, layer), chosen, inputs)
    )
    complete = len(folded) == len(by_layer) and not subject.silenced
    gap = largest_gap(subject, inputs, expected) if complete else None
    return Cut(subject, folded, inputs, plain, expected, gap)


def _of_layer(choices: Sequence[Choice], layer: str) -> tuple[int, ...]:
    return tuple(choice.index for choice in choices if choice.layer == layer)


def _silenced_logits(subject: Subject, by_layer: Mapping[str, Sequence[int]], inputs: Tensor) -> Tensor:
    with ExitStack() as stack:
        for layer, chosen in by_layer.items():
            stack.enter_context(hooked(subject, find_layer(subject, layer), chosen))
        return subject.logits(inputs)


@torch.no_grad()
def largest_gap(subject: Subject, inputs: Tensor, expected: Tensor) -> float:
    """Largest absolute difference of a logit."""
    return float((subject.logits(inputs) - expected).abs().max())


def tried_inputs(loaded: LoadedSpec, subject: Subject, store: Store, data: str | None = None) -> Tensor:
    """Prepare a few images of the audited set: the first by hash, the same whatever their names and order."""
    index: DataIndex = read_index(audited_spec(loaded.spec, data).data, loaded.base, subject.classes, store)
    rows = np.argsort(np.asarray(index.digests), kind="stable")[:N_TRIED]
    return torch.cat([inputs for _, inputs in input_batches(subject, index, rows, N_TRIED)])


def weights_bytes(subject: Subject) -> bytes:
    """Write the parameters and buffers as safetensors."""
    from safetensors.torch import save

    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in subject.module.state_dict().items()}
    return save(tensors, metadata={"format": "pt", "written_by": "auditlens prune"})


def keeps_weights_in_folder(model: Model) -> bool:
    """Whether the weights stay in a folder of their own, as those of transformers do, so that only hooks can prune."""
    return (model.architecture or "").startswith(HUGGINGFACE)
