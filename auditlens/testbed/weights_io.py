"""Classifier weights on disk: one safetensors file that also says how it came about and where it operates."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from auditlens.testbed.models import small_cnn

METADATA_KEY = "auditlens"


@dataclass(frozen=True, slots=True)
class Origin:
    """How a classifier came about.

    Attributes
    ----------
    seed : int
        The training seed; the streams are those of the purpose ``"train"``.
    artefact : str or None
        The artefact whose rate was set; None where all were treated alike.
    rate_melanoma, rate_benign : float
        Its rates in the two classes of the training images; equal in a clean twin.
    n_train, epochs : int
        Training images and passes over them.
    threshold : float
        The operating threshold on P(melanoma): Youden's index on a validation seed.
    """

    seed: int
    artefact: str | None
    rate_melanoma: float
    rate_benign: float
    n_train: int
    epochs: int
    threshold: float

    @property
    def planted(self) -> bool:
        """Whether the artefact went with the label in training."""
        return self.rate_melanoma != self.rate_benign


def save_classifier(model: nn.Module, origin: Origin, file: Path) -> None:
    """Write weights and origin; the same weights give the same bytes.

    All metadata sits in one JSON value because safetensors writes several keys in random order.
    """
    tensors = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, file, metadata={METADATA_KEY: json.dumps(asdict(origin), sort_keys=True)})


def read_origin(file: Path) -> Origin:
    """Return the origin stored in a weights file."""
    with safe_open(file, framework="pt") as opened:
        return Origin(**json.loads(opened.metadata()[METADATA_KEY]))


def load_classifier(file: Path) -> nn.Module:
    """Return the network of a weights file, in evaluation mode."""
    model = small_cnn()
    model.load_state_dict(load_file(file))
    return model.eval()
