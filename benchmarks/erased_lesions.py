"""What the two shipped models of the testbed make of scenes without their lesion: the positive control, tried out.

    python benchmarks/erased_lesions.py

400 scenes without artefacts (seed 7). Both models were trained to read the lesion, so both must fall to chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from auditlens.challenge.erasure import erase, erased_region
from auditlens.challenge.rendering import Image8
from auditlens.findings.statistics import auroc, auroc_difference
from auditlens.spec.paths import ROOT
from auditlens.stages.estimate import Estimate
from auditlens.testbed.models import small_cnn
from auditlens.testbed.scenes import scenes

MEAN, SPREAD = (torch.tensor(values)[:, None, None] for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
BATCH = 50


def main() -> None:
    """Print the AUROC of the masks' area alone, and of each model with and without lesions."""
    found = list(scenes(n=400, seed=7, artefact_rates={}))
    regions = [erased_region(scene.mask > 0) for scene in found]
    truth, units = (np.array([getattr(scene, name) for scene in found]) for name in ("melanoma", "patient"))
    _say("area of the erased region alone", auroc([region.mean() for region in regions], truth, units))
    images = [scene.image for scene in found]
    erased = [
        erase(image, region, np.random.default_rng(i))
        for i, (image, region) in enumerate(zip(images, regions, strict=True))
    ]
    for weights in ("ruler_planted", "ruler_clean"):
        model = small_cnn().eval()
        model.load_state_dict(load_file(Path(ROOT) / "testbed" / "weights" / f"{weights}.safetensors"))
        before, after = _probabilities(model, images), _probabilities(model, erased)
        _say(f"{weights}, as it is", auroc(before, truth, units))
        _say(f"{weights}, lesion erased", auroc(after, truth, units))
        _say(f"{weights}, paired drop", auroc_difference(before, after, truth, units))


@torch.inference_mode()
def _probabilities(model: nn.Module, images: Sequence[Image8]) -> np.ndarray:
    parts = []
    for start in range(0, len(images), BATCH):
        pixels = torch.from_numpy(np.stack(images[start : start + BATCH])).permute(0, 3, 1, 2).float() / 255
        parts.append(torch.softmax(model((pixels - MEAN) / SPREAD), dim=1)[:, 1])
    return torch.cat(parts).numpy()


def _say(what: str, found: Estimate) -> None:
    print(f"{what}: {found.value:.3f} ({found.low:.3f} to {found.high:.3f})")


if __name__ == "__main__":
    main()
