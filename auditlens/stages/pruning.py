"""What was pruned from an audited model, and how it was shown that the written model is that one."""

from __future__ import annotations

from typing import Literal

from auditlens.stages.base import Stage
from auditlens.stages.estimate import Estimate
from auditlens.stages.states import ComponentState


class Judged(Stage):
    """What the record says of a component for one class."""

    class_name: str
    state: ComponentState
    label: str | None
    relevance: Estimate
    """Mean share of |relevance| over the images."""
    direction: float
    """Mean signed share: positive pushes towards the class."""


class SilencedComponent(Stage):
    """One component that now puts out zero."""

    id: str
    """As reports write it."""
    layer: str
    index: int
    """Row in the layer's components; negative sides come after all channels."""
    by: Literal["weights", "hook"]
    """Its weights are zero in the file; or only `model.silenced` of the spec sets it to zero."""
    judged: tuple[Judged, ...]
    """By class; empty where the record did not examine it."""


class Pruned(Stage):
    """A pruned model as it was written."""

    audit_id: str
    """Of the run that it was pruned from."""
    record_sha256: str
    components: tuple[SilencedComponent, ...]
    """In the order of layers and channels."""
    inherited: tuple[str, ...]
    """Components that were silenced in the audited model already."""
    original_sha256: str | None
    """Of the weights before."""
    weights_sha256: str | None
    """Of `pruned.safetensors`; None where the weights stay in their folder."""
    n_images: int
    """Images of the audited data on which the models were compared."""
    gap: float
    """Largest difference of a logit between the written model, loaded by its spec, and the audited model with the
    components set to zero."""
    file_gap: float | None
    """The same for the weights file alone, without hooks; None where it does not silence all components by itself."""
    moved: float
    """Largest difference of a logit that pruning makes on these images."""
    warnings: tuple[str, ...]
