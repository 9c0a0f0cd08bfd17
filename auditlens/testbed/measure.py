"""What a testbed classifier truly does: its accuracy, and the true effect of every artefact put in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve
from torch import Tensor, nn

from auditlens.testbed.artefacts import ARTEFACTS
from auditlens.testbed.models import normalise
from auditlens.testbed.scenes import NATURAL_RATES, Scene, place_artefacts, scenes
from auditlens.testbed.streams import Purpose

N_EVALUATED: Final = 800
BATCH: Final = 128


@dataclass(frozen=True, slots=True)
class Effect:
    """The mean change of P(melanoma) when one artefact is put into artefact-free images, and their number."""

    mean: float
    standard_error: float
    n: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Measured figures of a classifier.

    Attributes
    ----------
    auroc_bare : float
        AUROC on test images without any artefact.
    auroc_natural : float
        AUROC on the same scenes with artefacts at their natural rates, independent of the label.
    sensitivity, specificity : float
        At the operating threshold, on the images with natural artefacts.
    auroc_bayes : float
        AUROC of the label rule itself on these scenes: no model can be better but by luck.
    effects : mapping of str to Effect
        Per artefact, on the benign test images.
    n : int
        Number of test images.
    """

    auroc_bare: float
    auroc_natural: float
    sensitivity: float
    specificity: float
    auroc_bayes: float
    effects: Mapping[str, Effect]
    n: int


def as_batch(images: Iterable[NDArray[np.uint8]]) -> Tensor:
    """Stack images into uint8 ``[n, 3, h, w]``."""
    return torch.from_numpy(np.stack(list(images))).permute(0, 3, 1, 2)


@torch.inference_mode()
def p_melanoma(model: nn.Module, pixels: Tensor) -> NDArray[np.float64]:
    """Return P(melanoma) of uint8 images ``[n, 3, h, w]``."""
    device = next(model.parameters()).device
    model.eval()
    chances = [model(normalise(part.to(device))).softmax(-1)[:, 1].cpu() for part in torch.split(pixels, BATCH)]
    return np.asarray(torch.cat(chances).double().numpy())


def labels(of: Iterable[Scene]) -> NDArray[np.bool_]:
    """Return the labels of scenes, True for melanoma."""
    return np.array([scene.melanoma for scene in of])


def operating_threshold(model: nn.Module, seed: int, n: int = N_EVALUATED) -> float:
    """Return the threshold with the best Youden index on the validation images of a seed."""
    drawn = list(scenes(n=n, seed=seed, purpose="validation"))
    chances = p_melanoma(model, as_batch(scene.image for scene in drawn))
    false_rate, true_rate, thresholds = roc_curve(labels(drawn), chances)
    return round(float(thresholds[np.argmax(true_rate - false_rate)]), 4)


def insertion_effect(
    model: nn.Module, bare: list[Scene], artefact: str, seed: int, purpose: Purpose = "test"
) -> Effect:
    """Return the effect of one artefact on artefact-free scenes (its rendering fixed by the seed)."""
    with_it = [place_artefacts(scene, {artefact: 1.0}, purpose, seed, i) for i, scene in enumerate(bare)]
    before = p_melanoma(model, as_batch(scene.image for scene in bare))
    change = p_melanoma(model, as_batch(scene.image for scene in with_it)) - before
    error = float(change.std(ddof=1) / np.sqrt(len(change)))
    return Effect(float(change.mean()), error, len(change))


def measure(model: nn.Module, threshold: float, seed: int = 0, n: int = N_EVALUATED) -> Figures:
    """Measure a classifier on ``n`` test scenes of a seed."""
    bare = list(scenes(n=n, seed=seed, artefact_rates={}))
    natural = [place_artefacts(scene, NATURAL_RATES, "test", seed, i) for i, scene in enumerate(bare)]
    truth = labels(bare)
    chances = p_melanoma(model, as_batch(scene.image for scene in natural))
    benign = [scene for scene in bare if not scene.melanoma]
    return Figures(
        auroc_bare=float(roc_auc_score(truth, p_melanoma(model, as_batch(scene.image for scene in bare)))),
        auroc_natural=float(roc_auc_score(truth, chances)),
        sensitivity=float((chances[truth] >= threshold).mean()),
        specificity=float((chances[~truth] < threshold).mean()),
        auroc_bayes=float(roc_auc_score(truth, [scene.p_melanoma for scene in bare])),
        effects={name: insertion_effect(model, benign, name, seed) for name in ARTEFACTS},
        n=n,
    )
