"""A ruler transplanted by the testbed's models themselves: the planted one must be moved, its clean twin not.

    python benchmarks/transplanted_ruler.py

160 scenes of the demonstration. The twin does not tell rulers at its last layer, so it is asked a second time with the
limit lowered.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from auditlens import api
from auditlens.spec.paths import share_folder
from auditlens.stages.estimate import Estimate

OTHERS = ("band_aid", "hair", "ink", "red_skin", "dark_corner", "ruler")
TRIED = (("demo_dermoscopy.yaml", 0.7), ("demo_dermoscopy_clean.yaml", 0.7), ("demo_dermoscopy_clean.yaml", 0.5))


def main() -> None:
    """Print the AUROC of each model's layer and what the transplanted ruler does."""
    with tempfile.TemporaryDirectory() as folder:
        for example, least in TRIED:
            print(f"{example}, least_auroc {least:g}")
            _say(example, least, Path(folder))


def _say(example: str, least: float, folder: Path) -> None:
    spec = folder / "spec.yaml"
    spec.write_text(yaml.safe_dump(_document(example, least)), encoding="utf-8")
    found = api.audit(spec, out=folder / "run", store=folder / "store", threads=1, reports=False).findings
    for left in found.not_evaluated:
        if left.what == "artefact moved_ruler":
            print(f"  {left.why}")
    for row in found.transplants:
        print(f"  AUROC {_shown(row.auroc)}, {row.n_instances} instances, cover {row.cover:.3f}")
    for artefact in found.artefacts:
        for effect in artefact.effects:
            if artefact.class_name == "melanoma" and effect.scale == "probability" and effect.true_class is None:
                print(f"  raw {_shown(effect.raw)}, sham {_shown(effect.sham)}, beyond {_shown(effect.beyond)}")


def _shown(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _document(example: str, least: float) -> dict[str, object]:
    return {
        "auditlens": 1,
        "include": [str(share_folder("specs") / example)],
        "data": {"generate": {"arguments": {"n": 160}}},
        "foundation": None,
        "artefacts": dict.fromkeys(OTHERS)
        | {"moved_ruler": {"kind": "transplant", "column": "ruler", "least_auroc": least}},
        "gates": {"detects": {"limit": ">= 0.40"}, "inside": None},
        "examine": {"ablation_images": 0, "max_components": 1, "n_examples": 8},
        "challenge": {"max_images_per_class": 60, "n_draws": 2000, "response_images": 0, "erased_images": 0},
    }


if __name__ == "__main__":
    main()
