"""Background swaps on two models whose truth is known: one reads rulers, its twin does not.

    python benchmarks/swapped_backgrounds.py FOLDER

Skin of other patients goes around the lesions of 400 generated scenes (seed 7): once skin without any artefact, once
skin with a ruler. A model that reads the lesion moves with neither; one that reads rulers moves with the second alone.
Runs and pictures go to FOLDER.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from auditlens import audit
from auditlens.challenge.erasure import erase, erased_region
from auditlens.testbed.scenes import scenes

ARTEFACTS = ("ruler", "band_aid", "hair", "ink", "dark_corner")
N_GROUNDS = 24
GATE = {"metric": "effect_minus_sham", "each": {"artefact": "all"}, "limit": "within 0.05"}


def main(folder: Path) -> None:
    """Write backgrounds with rulers, audit both models, print the effects on benign and melanoma scenes."""
    _write_grounds(folder / "with_ruler")
    for weights in ("ruler_planted", "ruler_clean"):
        spec = folder / f"{weights}.yaml"
        spec.write_text(yaml.safe_dump(_spec(weights), sort_keys=False), encoding="utf-8")
        record = audit(spec, out=folder / weights, store=folder / "store", device="cpu", reports=False)
        for row in record.findings.artefacts:
            for effect in row.effects:
                if effect.scale == "probability" and effect.true_class is not None:
                    shown = ", ".join(
                        f"{name} {found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
                        for name, found in (("raw", effect.raw), ("sham", effect.sham), ("beyond", effect.beyond))
                        if found is not None and found.value is not None
                    )
                    energy = f"sham energy {row.sham_energy_ratio:.2f}"
                    print(f"{weights}, {row.artefact}, {effect.true_class} ({row.n_images} images, {energy}): {shown}")


def _write_grounds(folder: Path) -> None:
    """Skin with a ruler, the lesion erased; scenes of another seed, so that no patient meets himself."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, scene in enumerate(scenes(n=N_GROUNDS, seed=11, artefact_rates={"ruler": 1.0})):
        picture = erase(scene.image, erased_region(scene.mask > 0), np.random.default_rng(number))
        Image.fromarray(picture).save(folder / f"{number:02}.png")


def _spec(weights: str) -> dict[str, Any]:
    return {
        "auditlens": 1,
        "audit": {"id": f"GROUND-{weights}"},
        "model": {
            "architecture": "python:auditlens.testbed.models:small_cnn",
            "weights": f"package:auditlens/testbed/weights/{weights}.safetensors",
            "preprocessing": {"resize": 128, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
            "classes": ["benign", "melanoma"],
        },
        "decision": {"class": "melanoma", "threshold": 0.5},
        "data": {
            "generate": {"factory": "auditlens.testbed.scenes:write_dermoscopy", "arguments": {"n": 400, "seed": 7}},
            "unit": "patient",
            "mask": "mask",
        },
        "artefacts": {
            "clean_skin": {"kind": "background", "own_data": True, "clean_of": list(ARTEFACTS)},
            "skin_with_ruler": {"kind": "background", "images": "with_ruler", "clean_of": list(ARTEFACTS)},
        },
        "examine": {"ablation_images": 0},
        "challenge": {"erased_images": 0, "response_images": 0, "n_pairs": 0},
        "gates": {"moved": GATE},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
