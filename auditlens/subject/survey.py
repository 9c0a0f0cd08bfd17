"""What `layers: auto` finds in common architectures; `python -m auditlens.subject.survey --docs docs/models.md`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from auditlens.spec.model import Model, Preprocessing
from auditlens.subject.model import Subject, load_subject

MARKS: Final = ("<!-- architectures -->", "<!-- /architectures -->")
CLASSES: Final = ("a", "b", "c")
SIDE: Final = 224
ARCHITECTURES: Final = (
    "torchvision:squeezenet1_1",
    "torchvision:resnet18",
    "torchvision:resnet50",
    "torchvision:vgg11_bn",
    "torchvision:densenet121",
    "torchvision:mobilenet_v2",
    "torchvision:mobilenet_v3_small",
    "torchvision:efficientnet_b0",
    "torchvision:convnext_tiny",
    "torchvision:vit_b_16",
    "torchvision:swin_t",
    "timm:resnet10t",
    "timm:resnet18",
    "timm:vgg11_bn",
    "timm:densenet121",
    "timm:convnext_tiny",
    "timm:vit_tiny_patch16_224",
    "timm:deit_tiny_patch16_224",
    "timm:swin_tiny_patch4_window7_224",
    "timm:efficientnet_b0",
    "timm:mobilenetv3_small_100",
    "timm:mobilenetv3_large_100",
)
GREY: Final = np.full((SIDE, SIDE, 3), 128, dtype=np.uint8)
KINDS: Final = {"spatial": "maps", "token": "tokens", "flat": "flat features"}


def surveyed(architecture: str) -> Subject:
    """Build one architecture as an audit does: three classes, squashed to 224 x 224, `layers: auto`."""
    model = Model(architecture=architecture, classes=CLASSES, preprocessing=Preprocessing(resize=(SIDE, SIDE)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notices of the packages on building
        return load_subject(model, Path())


def rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """One row of the table per subject."""
    for subject in subjects:
        (layer,) = subject.layers
        sides = "" if layer.n_sides == 1 else f" ({layer.n_channels} channels, two sides)"
        n_outputs = subject.logits(subject.prepare(GREY)[None]).shape[1]
        cells = (subject.architecture, f"`{layer.name}`", f"{layer.n_components}{sides}", KINDS[layer.kind], n_outputs)
        yield f"| {' | '.join(map(str, cells))} |"


def table(architectures: Iterable[str] = ARCHITECTURES) -> str:
    """The table in Markdown."""
    head = "| architecture | layer | components | kind | outputs for 3 classes |\n| --- | --- | --- | --- | --- |\n"
    return head + "\n".join(rows(map(surveyed, architectures)))


def with_table(text: str, made: str) -> str:
    """Put the table between its marks."""
    before, _, rest = text.partition(MARKS[0])
    return f"{before}{MARKS[0]}\n{made}\n{MARKS[1]}{rest.partition(MARKS[1])[2]}"


def main(arguments: list[str]) -> None:
    """Print the table, or write it into a document."""
    made = table()
    if arguments[:1] == ["--docs"]:
        path = Path(arguments[1])
        path.write_text(with_table(path.read_text(encoding="utf-8"), made), encoding="utf-8")
    else:
        print(made)


if __name__ == "__main__":
    main(sys.argv[1:])
