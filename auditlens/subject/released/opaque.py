"""A released file without an eager twin, as the audited model: it behaves, and nothing inside it can be looked at."""

from __future__ import annotations

from torch import Tensor, nn

from auditlens.subject.model import Subject
from auditlens.subject.released.model import ReleasedModel


class Opaque(nn.Module):
    """Gives the file's outputs. It has no parts, so no layer can be hooked, and no gradient flows through it."""

    def __init__(self, released: ReleasedModel) -> None:
        super().__init__()
        self._released = released

    def forward(self, batch: Tensor) -> Tensor:
        """What the file returns, (batch, outputs)."""
        return self._released.raw(batch)


def opaque_subject(released: ReleasedModel) -> Subject:
    """Make the audited model of a file alone: no layers, no architecture, no weights file."""
    return Subject(
        module=Opaque(released),
        classes=released.classes,
        prepare=released.prepare,
        output=released.output,
        layers=(),
        device=released.device,
        architecture="",
        preprocessing=released.preprocessing,
        weights_sha256=None,
        random_weights=False,
        n_parameters=released.runner.n_parameters,
        input_shape=released.input_shape,
        digest=released.digest,
    )
