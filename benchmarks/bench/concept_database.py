"""Row 5: the uncropped concept database of four layers, beside semanticlens 0.2.1."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from auditlens.data.images import load_rgb
from auditlens.data.loader import batches
from auditlens.data.sample import DataIndex
from auditlens.examine.collect import collect
from auditlens.examine.crops import whole_boxes
from auditlens.examine.embed import embed_examples
from auditlens.store import Store
from auditlens.subject import Subject
from benchmarks.bench.crop_rate import Decoded
from benchmarks.bench.timing import Row, interleave, ratio
from benchmarks.bench.workload import RandomEncoder, pictures, resnet18

LAYERS = ("layer1", "layer2", "layer3", "layer4")
M, BATCH = 20, 32


class Pictures(torch.utils.data.Dataset[Image.Image]):
    """The pictures as semanticlens wants them for the foundation model."""

    def __init__(self, index: DataIndex) -> None:
        self._index = index

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._index)

    def __getitem__(self, row: int) -> Image.Image:
        """Decode one picture."""
        return Image.fromarray(load_rgb(self._index.samples[row]))


def measure(folder: Path, quick: bool, device: str = "cpu") -> Row:
    """Time both on equal images, layers, model and foundation model: all layers at once, and one after the other."""
    n_images, repeats = (32, 1) if quick else (96, 3)
    subject, index = resnet18(LAYERS, device), pictures(folder / "images", n_images)
    foundation = RandomEncoder(device=device)
    distinct = np.unique(_rows(subject, index))
    at_once = {
        "bare passes": lambda: _bare(subject, foundation, index, distinct),
        "concept database": lambda: ours(subject, foundation, index),
        "semanticlens": lambda: theirs(subject, foundation, index, LAYERS),
    }
    one_by_one = {
        "layers added one by one": lambda: ours_growing(subject, foundation, index, folder),
        "semanticlens, layers added one by one": lambda: [theirs(subject, foundation, index, (n,)) for n in LAYERS],
    }
    seconds = interleave(at_once, repeats) | interleave(one_by_one, 1, warm=False)
    growing, peer = one_by_one
    return Row(
        key="concept-database",
        title="Uncropped concept database of four layers of a ResNet-18",
        setting={
            "images": n_images,
            "of them examples": len(distinct),
            "components": 960,
            "examples": M,
            "foundation model": f"random {foundation.name}",
        },
        seconds=seconds,
        ratios=(
            ratio(seconds, "semanticlens", "concept database", 2, at_most=False),
            ratio(seconds, peer, growing, 2, at_most=False),
            ratio(seconds, "concept database", "bare passes"),
            ratio(seconds, "semanticlens", "bare passes"),
        ),
        bound="bare passes: of the model over all images, of the foundation model over the distinct examples",
        checks=_compare(ours(subject, foundation, index), theirs(subject, foundation, index, LAYERS)),
    )


def ours_growing(subject: Subject, foundation: RandomEncoder, index: DataIndex, folder: Path) -> None:
    """Add one layer after the other; the store keeps the embeddings of the whole images, as in an audit."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        store = Store(Path(place))

        def compute(start: int, stop: int) -> dict[str, np.ndarray]:
            pixels = [load_rgb(index.samples[row]) for row in range(start, stop)]
            return {"embeddings": foundation.embed_images(pixels, BATCH)}

        for name in LAYERS:
            _, examples = collect(subject, index, (name,), M, "mean", BATCH)
            embedded = store.chunked("image-embeddings", {"data": index.digest}, len(index), BATCH, compute)
            embedded["embeddings"][examples[name].image_indices].mean(axis=1)


def ours(subject: Subject, foundation: RandomEncoder, index: DataIndex) -> dict[str, np.ndarray]:
    """Collect, then embed every distinct example of all layers once."""
    _, examples = collect(subject, index, LAYERS, M, "mean", BATCH)
    rows = np.concatenate([examples[name].image_indices for name in LAYERS])
    embedded = embed_examples(foundation, index, rows, whole_boxes(index, rows), BATCH)
    sizes = np.cumsum([len(examples[name].image_indices) for name in LAYERS])[:-1]
    return dict(zip(LAYERS, np.split(embedded, sizes), strict=True))


def theirs(
    subject: Subject, foundation: RandomEncoder, index: DataIndex, layers: Sequence[str]
) -> dict[str, np.ndarray]:
    """Build the database of semanticlens: the whole data set embedded, examples looked up."""
    from semanticlens.component_visualization.activation_based import ActivationComponentVisualizer
    from semanticlens.component_visualization.aggregators import aggregate_conv_mean
    from semanticlens.foundation_models.clip import OpenClip
    from semanticlens.lens import compute_concept_db

    logging.getLogger("semanticlens").setLevel(logging.ERROR)
    encoder = OpenClip.__new__(OpenClip)
    encoder.url, encoder.model, encoder.preprocessor = foundation.name, foundation.module, foundation.transform
    view = ActivationComponentVisualizer(
        subject.module, Decoded(subject, index), Pictures(index), list(layers), M, aggregate_fn=aggregate_conv_mean
    )
    return {name: found.cpu().numpy() for name, found in compute_concept_db(view, encoder).items()}


@torch.no_grad()
def _bare(subject: Subject, foundation: RandomEncoder, index: DataIndex, distinct: np.ndarray) -> None:
    for _, inputs in batches(index, np.arange(len(index)), subject.prepare, BATCH):
        subject.module(inputs.to(subject.device)).cpu()
    for _, inputs in batches(index, distinct, _through(foundation), BATCH):
        foundation.module.encode_image(inputs.to(foundation.device)).cpu()


def _through(foundation: RandomEncoder) -> Callable[[np.ndarray], torch.Tensor]:
    return lambda pixels: foundation.transform(Image.fromarray(pixels))


def _rows(subject: Subject, index: DataIndex) -> np.ndarray:
    _, examples = collect(subject, index, LAYERS, M, "mean", BATCH)
    return np.concatenate([examples[name].image_indices for name in LAYERS])


def _compare(own: dict[str, np.ndarray], peer: dict[str, np.ndarray]) -> dict[str, float]:
    """Cosine of the components' mean embeddings: semanticlens keeps its top m in bfloat16, so examples differ."""
    cosines = []
    for name in LAYERS:
        one, other = own[name].mean(1), (peer[name] / np.linalg.norm(peer[name], axis=2, keepdims=True)).mean(1)
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosines.append((one * other).sum(1) / lengths)
    together = np.concatenate(cosines)
    return {"cosine of equal components, median": float(np.median(together)), "lowest": float(together.min())}
