"""Row 3: cropped (component, image) pairs per second, beside zennit-crp's `get_max_reference` for the same pairs."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from crp.attribution import CondAttribution
from crp.concepts import ChannelConcept
from crp.visualization import FeatureVisualization
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer

from auditlens.data.images import load_rgb
from auditlens.data.sample import DataIndex
from auditlens.examine.attribution.lrp import Lrp
from auditlens.examine.crops import crop_boxes
from auditlens.subject import Subject
from benchmarks.bench.timing import Ratio, Row, Seconds, interleave, ratio
from benchmarks.bench.workload import deal, pictures, resnet18

LAYER = "layer4"
BATCH = 16
SETTINGS = {"few": (4, 20, 47, 3.0), "many": (7, 10, 10, 5.0)}
"""Components, examples, distinct images and target: 1.7 and 7 pairs per distinct image."""

QUICK = {"few": (4, 4, 9, 3.0), "many": (7, 4, 4, 5.0)}


class Decoded(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """The pictures as zennit-crp wants them: prepared tensors with a label."""

    def __init__(self, subject: Subject, index: DataIndex) -> None:
        self._subject, self._index = subject, index

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._index)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        """Decode and prepare one picture."""
        return self._subject.prepare(load_rgb(self._index.samples[int(row)])), 0


def measure(folder: Path, quick: bool, device: str = "cpu") -> Row:
    """Time both at two numbers of pairs per image; the floor is a plain forward and backward pass."""
    settings = QUICK if quick else SETTINGS
    subject = resnet18([LAYER], device)
    index = pictures(folder, max(n for _, _, n, _ in settings.values()))
    attributor = Lrp(subject)
    seconds: Seconds = {}
    ratios: list[Ratio] = []
    described = {}
    for k, m, n_images, target in settings.values():
        rows, components = deal(k, m, n_images), np.arange(k) * 7 % 512
        pairs = f"{k * m / n_images:.1f} pairs per image"
        floor, own, peer = f"plain passes, {pairs}", f"crops, {pairs}", f"zennit-crp, {pairs}"
        peers = Peer(subject, index, components, rows, folder / f"crp-{n_images}")
        candidates = {
            floor: lambda rows=rows: plain_passes(subject, index, rows),
            own: lambda rows=rows, c=components: crop_boxes(
                subject, attributor, index, LAYER, c, rows, batch_size=BATCH
            ),
            peer: peers.run,
        }
        found = interleave(candidates, 1 if quick else 3, warm=quick)
        seconds |= found
        ratios += [ratio(found, peer, own, target, at_most=False), ratio(found, own, floor)]
        described[pairs] = {"components": k, "examples": m, "pairs": k * m, "distinct images": n_images}
    return Row(
        key="crops",
        title="Crops: heatmaps of single components of a ResNet-18 with their boxes",
        setting={"layer": LAYER, "batch": BATCH, **described},
        seconds=seconds,
        ratios=tuple(ratios),
        bound="two forward passes (outputs and z+ denominators) per image and one backward pass per pair",
        checks={"largest difference of heatmaps, share of the highest": peers.gap(attributor)},
    )


class Peer:
    """zennit-crp's visualiser, told the same examples as we have."""

    def __init__(
        self, subject: Subject, index: DataIndex, components: np.ndarray, rows: np.ndarray, folder: Path
    ) -> None:
        self._subject, self._components, self._rows = subject, components, rows
        self._data = Decoded(subject, index)
        attribution = CondAttribution(subject.module)
        self._view = FeatureVisualization(attribution, self._data, {LAYER: ChannelConcept()}, path=str(folder))
        by_component = np.zeros((rows.shape[1], 512), np.int64)
        by_component[:, components] = rows.T
        for name, array in {"data": by_component, "rel": by_component * 1.0, "rf": by_component * 0}.items():
            np.save(self._view.ActMax.PATH / f"{LAYER}_{name}.npy", array)

    def run(self, n_components: int | None = None) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
        """Heatmaps of all pairs, without boxes or pictures."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._view.get_max_reference(
                self._components[:n_components].tolist(),
                LAYER,
                "activation",
                (0, self._rows.shape[1]),
                EpsilonPlusFlat([ResNetCanonizer()]),
                plot_fn=None,
                batch_size=BATCH,
            )

    def gap(self, attributor: Lrp) -> float:
        """Largest difference of the first component's heatmaps; float32, and zennit's merged norms are 5e-6 off."""
        (found,) = self.run(1).values()
        expected = found[1]
        data = torch.stack([self._data[int(row)][0] for row in self._rows[0][:4]])
        chosen = torch.full((len(data), 1), int(self._components[0]))
        own = attributor.heatmaps(data.to(self._subject.device), LAYER, chosen)[:, 0].cpu()
        expected = expected[: len(data)]
        return float(((own - expected).abs().amax((1, 2)) / expected.abs().amax((1, 2))).max())


def plain_passes(subject: Subject, index: DataIndex, rows: np.ndarray) -> None:
    """One forward per distinct image, and one gradient of the layer with respect to the input per pair."""
    kept: list[torch.Tensor] = []
    handle = subject.module.get_submodule(LAYER).register_forward_hook(lambda _m, _i, out: kept.append(out))
    counts = np.bincount(rows.ravel(), minlength=len(index))
    for number in np.unique(counts[counts > 0]):
        images = np.flatnonzero(counts == number)
        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH]
            data = torch.stack([subject.prepare(load_rgb(index.samples[row])) for row in part])
            data = data.to(subject.device).requires_grad_()
            kept.clear()
            subject.module(data)
            for _ in range(number):
                torch.autograd.grad(kept[0], data, kept[0].detach(), retain_graph=True)[0].cpu()
    handle.remove()
