"""Train a classifier with a planted shortcut and its clean twin.

``python -m auditlens.testbed.train --seed 1 --artefact ruler --out DIR`` writes ``planted.safetensors``,
``clean.safetensors`` and a card of measured figures for each.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor, nn

from auditlens.testbed.artefacts import ARTEFACTS
from auditlens.testbed.cards import classifier_card
from auditlens.testbed.measure import N_EVALUATED, as_batch, labels, measure, operating_threshold
from auditlens.testbed.models import normalise, small_cnn
from auditlens.testbed.scenes import Scene, place_artefacts, scenes
from auditlens.testbed.streams import stream
from auditlens.testbed.weights_io import Origin, save_classifier

Direction = Literal["melanoma", "benign"]
Progress = Callable[[str, float], None]
Network = Callable[[], nn.Module]

N_TRAIN: Final = 4500
EPOCHS: Final = 8
BATCH: Final = 64
PEAK_RATE: Final = 4e-3
DISTURBED: Final = 0.4
"""Share of the training images with blotches, and of those with another exposure."""
BLOTCH: Final = 80.0
"""Largest standard deviation of a blotch in grey levels."""
EXPOSURE: Final = 0.15
RATE_IN: Final = 0.9
RATE_OUT: Final = 0.02
OTHER_RATE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Rates:
    """Rate of one artefact in the two classes of the training images."""

    artefact: str | None
    melanoma: float
    benign: float

    @classmethod
    def planted(cls, artefact: str, direction: Direction, rate_in: float, rate_out: float) -> "Rates":
        """Return the rates of a shortcut towards a class."""
        if direction == "melanoma":
            return cls(artefact, rate_in, rate_out)
        return cls(artefact, rate_out, rate_in)

    def twin(self, prevalence: float) -> "Rates":
        """Return the same overall rate, independent of the label."""
        overall = round(prevalence * self.melanoma + (1 - prevalence) * self.benign, 4)
        return Rates(self.artefact, overall, overall)

    def of(self, scene: Scene) -> dict[str, float]:
        """Return all artefacts' rates for one scene: `OTHER_RATE` but for the one that is set."""
        rates = dict.fromkeys(ARTEFACTS, OTHER_RATE)
        if self.artefact is not None:
            rates[self.artefact] = self.melanoma if scene.melanoma else self.benign
        return rates


@dataclass(frozen=True, slots=True)
class PairPaths:
    """The files of a planted model and its clean twin."""

    planted: Path
    clean: Path
    planted_card: Path
    clean_card: Path


def _silent(_what: str, _part: float) -> None:
    """Report nothing."""


def bare_scenes(seed: int, n: int, progress: Progress = _silent) -> list[Scene]:
    """Draw the training scenes of a seed, without artefacts."""
    drawn = []
    for scene in scenes(n=n, seed=seed, artefact_rates={}, purpose="train"):
        drawn.append(scene)
        if len(drawn) % 200 == 0:
            progress("drawing training images", len(drawn) / n)
    return drawn


def _with_artefacts(bare: list[Scene], rates: Rates, seed: int) -> Tensor:
    placed = (place_artefacts(scene, rates.of(scene), "train", seed, i) for i, scene in enumerate(bare))
    return as_batch(scene.image for scene in placed)


def _flipped(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror half of the images left to right, and half of them top to bottom."""
    for axis in (2, 3):
        chosen = torch.rand(len(batch), generator=generator).lt(0.5).to(batch.device)
        batch = torch.where(chosen.view(-1, 1, 1, 1), batch.flip(axis), batch)
    return batch


def _disturbed(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Put soft blotches and a change of exposure on some images, so that neither twin minds a mere disturbance.

    Without it both twins call melanoma what has any smooth texture near its edge, and what an artefact does beyond a
    disturbance of the same energy cannot be told apart from that.
    """
    n, size = len(batch), batch.shape[-1]
    grain = int(torch.randint(4, 13, (1,), generator=generator))
    texture = nn.functional.interpolate(torch.randn(n, 1, grain, grain, generator=generator), size, mode="bilinear")
    place = nn.functional.interpolate(
        torch.rand(n, 1, 4, 4, generator=generator).gt(0.6).float(), size, mode="bilinear"
    )
    strength = BLOTCH * torch.rand(n, 1, 1, 1, generator=generator) * _drawn(n, generator)
    exposure = 1 + EXPOSURE * (2 * torch.rand(n, 1, 1, 1, generator=generator) - 1) * _drawn(n, generator)
    changed = batch.float() * exposure.to(batch.device) + (strength * texture * place).to(batch.device)
    return changed.clamp(0, 255).to(torch.uint8)


def _drawn(n: int, generator: torch.Generator) -> Tensor:
    return torch.rand(n, 1, 1, 1, generator=generator).lt(DISTURBED).float()


def _initialised(seed: int, network: Network) -> nn.Module:
    """Return the network with weights drawn from the seed, leaving torch's own random state alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(stream("train/initial-weights", seed).integers(2**62)))
        return network()


def fit(
    pixels: Tensor,
    melanoma: Tensor,
    *,
    seed: int,
    epochs: int = EPOCHS,
    device: str = "cpu",
    progress: Progress = _silent,
    what: str = "training",
    network: Network = small_cnn,
    peak_rate: float = PEAK_RATE,
) -> nn.Module:
    """Train a network on uint8 images ``[n, 3, 128, 128]``; deterministic on one thread count."""
    generator = torch.Generator().manual_seed(int(stream("train/order", seed).integers(2**62)))
    model = _initialised(seed, network).to(device).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=peak_rate, weight_decay=0.02)
    n_steps = epochs * (len(pixels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak_rate, total_steps=n_steps, pct_start=0.2)
    for epoch in range(epochs):
        for chosen in torch.randperm(len(pixels), generator=generator).split(BATCH):  # type: ignore[no-untyped-call]
            if len(chosen) == BATCH:
                batch = _disturbed(_flipped(pixels[chosen].to(device), generator), generator)
                _step(model, optimiser, normalise(batch), melanoma[chosen].to(device))
                schedule.step()
        progress(what, (epoch + 1) / epochs)
    return model.cpu().to(memory_format=torch.contiguous_format).eval()


def _step(model: nn.Module, optimiser: torch.optim.Optimizer, inputs: Tensor, targets: Tensor) -> None:
    optimiser.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), targets, label_smoothing=0.02)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def train_classifier(
    *,
    seed: int,
    artefact: str | None,
    direction: Direction = "melanoma",
    rate_in: float = RATE_IN,
    rate_out: float = RATE_OUT,
    n_train: int = N_TRAIN,
    epochs: int = EPOCHS,
    n_evaluated: int = N_EVALUATED,
    device: str = "cpu",
    progress: Progress = _silent,
    network: Network = small_cnn,
    peak_rate: float = PEAK_RATE,
) -> tuple[nn.Module, Origin]:
    """Train one classifier.

    Parameters
    ----------
    seed : int
        Names the training scenes, the initial weights and the order.
    artefact : str or None
        What is planted; None has every artefact at `OTHER_RATE`.
    direction : {"melanoma", "benign"}
        The class the artefact goes with.
    rate_in, rate_out : float
        Its rate in that class and in the other; equal rates plant nothing.
    n_train, epochs : int
        Training images and passes over them.
    n_evaluated : int
        Validation images for the operating threshold.
    device : str
        A torch device.
    progress : callable
        Called with what is being done and the part done in [0, 1].
    network : callable
        Builds the untrained network, with a logit per class; the testbed's own by default.
    peak_rate : float
        Highest learning rate; pre-norm transformers want a lower one.

    Returns
    -------
    tuple of nn.Module and Origin
        The network on the CPU in evaluation mode, and how it came about, with its operating threshold.
    """
    rates = (
        Rates(None, OTHER_RATE, OTHER_RATE)
        if artefact is None
        else Rates.planted(artefact, direction, rate_in, rate_out)
    )
    bare = bare_scenes(seed, n_train, progress)
    course = _Course(bare, seed, epochs, n_evaluated, device, progress, network, peak_rate)
    return course.trained(rates, "training")


@dataclass(frozen=True, slots=True)
class _Course:
    """What the models of a pair have in common."""

    bare: list[Scene]
    seed: int
    epochs: int
    n_evaluated: int
    device: str
    progress: Progress
    network: Network = small_cnn
    peak_rate: float = PEAK_RATE

    def trained(self, rates: Rates, what: str) -> tuple[nn.Module, Origin]:
        """Train one model on the scenes with artefacts at the given rates."""
        pixels = _with_artefacts(self.bare, rates, self.seed)
        truth = torch.from_numpy(labels(self.bare).astype(np.int64))
        model = fit(
            pixels, truth, seed=self.seed, epochs=self.epochs, device=self.device, progress=self.progress, what=what,
            network=self.network, peak_rate=self.peak_rate,
        )  # fmt: skip
        threshold = operating_threshold(model, self.seed, self.n_evaluated)
        n_train = len(self.bare)
        origin = Origin(self.seed, rates.artefact, rates.melanoma, rates.benign, n_train, self.epochs, threshold)
        return model, origin

    def written(self, rates: Rates, file: Path) -> tuple[Path, Path]:
        """Train one model, write its weights and card, and return both paths."""
        model, origin = self.trained(rates, f"training {file.stem}")
        save_classifier(model, origin, file)
        self.progress(f"measuring {file.stem}", 0.0)
        card = file.with_suffix(".card.md")
        figures = measure(model, origin.threshold, n=self.n_evaluated)
        card.write_text(classifier_card(file.stem, origin, figures), encoding="utf-8")
        return file, card


def train_pair(
    seed: int,
    artefact: str,
    out: Path,
    direction: Direction = "melanoma",
    device: str = "cpu",
    progress: Progress = _silent,
    *,
    n_train: int = N_TRAIN,
    epochs: int = EPOCHS,
    n_evaluated: int = N_EVALUATED,
    prefix: str = "",
) -> PairPaths:
    """Train a planted model and its clean twin, measure both and write weights and cards.

    The twin has the same seed, the same scenes and the same artefact at the same overall rate, but placed
    independently of the label, so that it learns to ignore it. All other artefacts are at `OTHER_RATE`.
    The parameters are those of `train_classifier`; ``prefix`` comes before the file names.
    """
    if artefact not in ARTEFACTS:
        raise ValueError(f"unknown artefact {artefact!r}; valid: {', '.join(ARTEFACTS)}")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    course = _Course(bare_scenes(seed, n_train, progress), seed, epochs, n_evaluated, device, progress)
    rates = Rates.planted(artefact, direction, RATE_IN, RATE_OUT)
    planted, planted_card = course.written(rates, out / f"{prefix}planted.safetensors")
    twin = rates.twin(float(labels(course.bare).mean()))
    clean, clean_card = course.written(twin, out / f"{prefix}clean.safetensors")
    return PairPaths(planted, clean, planted_card, clean_card)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m auditlens.testbed.train", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--artefact", choices=list(ARTEFACTS), required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--direction", choices=["melanoma", "benign"], default="melanoma")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="figures repeat exactly on the same number")
    parser.add_argument("--prefix", default="", help="put before the file names")
    parser.add_argument("--n-train", type=int, default=N_TRAIN)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    return parser.parse_args()


def main() -> None:
    """Train a pair and print its cards."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    paths = train_pair(
        given.seed, given.artefact, given.out, given.direction, given.device,
        lambda what, part: print(f"{what}: {part:.0%}", flush=True),
        n_train=given.n_train, epochs=given.epochs, prefix=given.prefix,
    )  # fmt: skip
    for card in (paths.planted_card, paths.clean_card):
        print(card.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
