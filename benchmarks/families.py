"""One planted shortcut in a model of every family: does the same audit find it, and may its relevance be believed.

    python benchmarks/families.py --out build/families --json docs/results/families.json

For each family a model is trained on the testbed with a planted artefact (`--train-only` stops there; what is trained
is kept). The demonstration's spec then audits it with another `model.architecture` and nothing else changed. The table
that it prints stands in docs/relevance.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

SEED = 7100
ARTEFACT = "band_aid"
FAMILIES = {
    "squeezenet1_1": ("torchvision:squeezenet1_1", {}, 1e-3, 2000, 8),
    "resnet18": ("torchvision:resnet18", {}, 1e-3, 1400, 4),
    "vgg11_bn": ("torchvision:vgg11_bn", {}, 5e-4, 1000, 3),
    "convnext": ("timm:convnext_atto", {}, 2e-3, 1600, 6),
    "vit": ("timm:vit_tiny_patch16_224", {"embed_dim": 96, "depth": 6, "num_heads": 3}, 1e-3, 2000, 12),
    "swin": ("timm:swin_tiny_patch4_window7_224",
             {"window_size": 4, "embed_dim": 48, "depths": [2, 2, 2, 2], "num_heads": [2, 4, 8, 16]}, 1e-3, 1600, 8),
}  # fmt: skip
"""Architecture, arguments, highest learning rate, images, epochs: a small member of each family, for two cores."""


def train(name: str, folder: Path) -> Path:
    """Train a model of the family with the planted artefact, unless the folder holds it."""
    weights = folder / f"{name}.safetensors"
    if weights.is_file():
        return weights
    import torch

    from auditlens.subject.architectures import build
    from auditlens.testbed.train import train_classifier
    from auditlens.testbed.weights_io import save_classifier

    architecture, arguments, rate, n_train, epochs = FAMILIES[name]
    seed = SEED + list(FAMILIES).index(name)
    started = time.monotonic()

    def network() -> torch.nn.Module:
        sized = {"img_size": 128} if name in ("vit", "swin") else {}  # an audit derives it from the preprocessing
        return build(architecture, {**arguments, **sized}, 2, None)

    def tell(what: str, part: float) -> None:
        print(f"{name}: {what} {part:.0%} after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    module, origin = train_classifier(
        seed=seed, artefact=ARTEFACT, n_train=n_train, epochs=epochs, n_evaluated=300, progress=tell,
        network=network, peak_rate=rate,
    )  # fmt: skip
    save_classifier(module, origin, weights)
    return weights


def main() -> int:
    """Train what is missing, audit each, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/families"))
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--train-only", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.families:
        train(name, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
