"""Which attributor `auto` takes for common architectures, and why.

    python benchmarks/attribution_families.py [--docs docs/relevance.md]

The weights are random: this shows that layers are found, rules fit and outputs stay what they are, not that relevances
are good. Seconds are for choosing the attributor and for the relevance of one image of 224 x 224, on one core.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import torch

from auditlens.examine.attribution.choice import choose
from auditlens.subject.survey import GREY, KINDS, surveyed

MARKS = ("<!-- families -->", "<!-- /families -->")
HEAD = ("architecture", "layer", "components", "attributor", "why not `lrp`: no rule for", "gap", "seconds")
ARCHITECTURES = (
    "torchvision:alexnet",
    "torchvision:vgg11_bn",
    "torchvision:resnet18",
    "torchvision:resnext50_32x4d",
    "torchvision:squeezenet1_1",
    "torchvision:inception_v3",
    "torchvision:mobilenet_v2",
    "torchvision:regnet_x_400mf",
    "torchvision:densenet121",
    "torchvision:regnet_y_400mf",
    "torchvision:shufflenet_v2_x0_5",
    "torchvision:mobilenet_v3_small",
    "torchvision:efficientnet_b0",
    "torchvision:convnext_tiny",
    "torchvision:vit_b_32",
    "torchvision:swin_t",
    "torchvision:swin_v2_t",
    "timm:resnet50",
    "timm:mobilenetv2_100",
    "timm:efficientnet_b0",
    "timm:tf_efficientnetv2_b0",
    "timm:convnextv2_atto",
    "timm:vit_tiny_patch16_224",
    "timm:deit_tiny_distilled_patch16_224",
    "timm:swin_tiny_patch4_window7_224",
    "timm:beit_base_patch16_224",
    "timm:mobilevit_xxs",
    "timm:poolformer_s12",
)


def row(architecture: str) -> tuple[str, ...]:
    """One architecture: what an audit finds and takes."""
    subject = surveyed(architecture)
    (layer,) = subject.layers
    batch = subject.prepare(GREY)[None]
    torch.manual_seed(0)
    batch = batch + torch.randn_like(batch)
    started = time.perf_counter()
    attributor, reason = choose(subject)
    relevance = attributor.relevance(batch, 0, layer.name)
    seconds = time.perf_counter() - started
    if not torch.isfinite(relevance).all():
        raise SystemExit(f"{architecture}: relevances that are not finite")
    why = reason.partition("does not fit: ")[2].removeprefix("there is no rule for ").rstrip(".")
    components = f"{layer.n_components} {KINDS[layer.kind]}"
    gap = getattr(attributor, "gap", float("nan"))
    return architecture, f"`{layer.name}`", components, f"`{attributor.name}`", why, f"{gap:.0e}", f"{seconds:.1f}"


def table() -> str:
    """The table in Markdown, row by row."""
    lines = [f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}"]
    for architecture in ARCHITECTURES:
        lines.append(f"| {' | '.join(row(architecture))} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Print the table, or write it into a document between its marks."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # notices of the packages on building
    made = table()
    if arguments[:1] != ["--docs"]:
        print(made)
        return
    path = Path(arguments[1])
    before, _, rest = path.read_text(encoding="utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    path.write_text(f"{before}{MARKS[0]}\n{made}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
