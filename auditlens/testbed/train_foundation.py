"""Train the testbed's text-image model on captions of crops of generated images.

``python -m auditlens.testbed.train_foundation --out DIR``. Neither its seeds (purpose ``foundation-train``) nor
its artefact renderers (`foundation_artefacts`) are those of the audited images.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from auditlens.testbed.captions import (
    ABSENT,
    ARTEFACT_CONCEPTS,
    NO_EMPHASIS,
    NULLS,
    PLAIN,
    PRESENT,
    TEMPLATES,
    Caption,
    draw_caption,
    truth,
)
from auditlens.testbed.foundation import IMAGE_SIZE, MEAN, STD, new_model, save_foundation, tokenizer
from auditlens.testbed.foundation_artefacts import FOUNDATION_ARTEFACTS
from auditlens.testbed.lesions import skin
from auditlens.testbed.scenes import Scene, bare_scene
from auditlens.testbed.streams import Purpose, stream

CELLS: Final = 32
PIXELS: Final = 128
ARTEFACT_RATE: Final = 0.28
SKIN_ONLY_RATE: Final = 0.12
VISIBLE: Final = {"ruler": 0.006, "hair": 0.006, "ink": 0.006, "band_aid": 0.02, "dark_corner": 0.02}
BATCH: Final = 64
N_CAPTIONS: Final = 128
PEAK_RATE: Final = 2e-3


@dataclass(frozen=True, slots=True)
class Picture:
    """A training picture and where in it things are.

    Attributes
    ----------
    image : uint8 ``[128, 128, 3]``
    covers : float32 ``[6, 32, 32]``
        Visible cover of each of `ARTEFACT_CONCEPTS`, by cell.
    lesion : float32 ``[32, 32]``
        Cover of the lesion, by cell; all zero on skin alone.
    factors : float32 ``[5]``
        +1, -1 or 0 (middling) for each of the lesion's factors, and the veil.
    tone : float
        +1 dark skin, -1 light, 0 between.
    """

    image: NDArray[np.uint8]
    covers: NDArray[np.float32]
    lesion: NDArray[np.float32]
    factors: NDArray[np.float32]
    tone: float


def _cells(field: NDArray[np.float64]) -> NDArray[np.float32]:
    step = PIXELS // CELLS
    return np.asarray(field.reshape(CELLS, step, CELLS, step).mean((1, 3)), np.float32)


def _side(value: float, low: float, high: float) -> float:
    """Return +1 above ``high``, -1 below ``low`` and 0 between."""
    return float(value > high) - float(value < low)


def _factor_truth(scene: Scene) -> NDArray[np.float32]:
    factors = scene.factors
    many = 1.0 if factors.n_colours >= 3 else -1.0
    veil = 1.0 if factors.veil else -1.0
    sides = [_side(value, 0.42, 0.58) for value in (factors.asymmetry, factors.border)]
    return np.array([*sides, many, _side(factors.diameter, 0.42, 0.58), veil], np.float32)


def _skin_scene(seed: int, index: int, purpose: Purpose) -> Scene:
    """Return a scene; in some the lesion is left away (an empty mask says so)."""
    scene = bare_scene(purpose, seed, index, index, PIXELS)
    rng = stream(f"{purpose}/skin-only", seed, index)
    if rng.random() >= SKIN_ONLY_RATE:
        return scene
    bare = np.clip(skin(rng, scene.tone, PIXELS), 0, 255).astype(np.uint8)
    return Scene(bare, np.zeros_like(scene.mask), scene.factors, 0.0, False, scene.patient, scene.tone, ())


def picture(seed: int, index: int, purpose: Purpose = "foundation-train") -> Picture:
    """Return one training picture; artefacts come on at `ARTEFACT_RATE`, later ones cover earlier ones."""
    scene = _skin_scene(seed, index, purpose)
    image, covers = scene.image, dict.fromkeys(ARTEFACT_CONCEPTS, np.zeros((PIXELS, PIXELS)))
    rng = stream(f"{purpose}/artefacts", seed, index)
    for name, renderer in FOUNDATION_ARTEFACTS.items():
        if rng.random() < ARTEFACT_RATE:
            image, cover = renderer(image, rng)
            covers = {other: known * (1 - cover) for other, known in covers.items()} if name != "red_skin" else covers
            covers[name] = cover
    return Picture(
        image,
        np.stack([_cells(covers[name]) for name in ARTEFACT_CONCEPTS]),
        _cells(scene.mask / 255.0),
        _factor_truth(scene),
        _side(scene.tone, 0.35, 0.6),
    )


def visible(shown: Picture, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Return what a crop shows, in the order of `CONCEPTS`: +1 visible, -1 not, 0 undecided.

    Parameters
    ----------
    shown : Picture
        The picture the crop is from.
    box : tuple of int
        Left, top, right and bottom, in cells.
    """
    left, top, right, bottom = box
    covers = shown.covers[:, top:bottom, left:right].mean((1, 2))
    artefacts = [
        _side(share, 0.25 * VISIBLE.get(name, 0.4), VISIBLE.get(name, 0.4))
        for name, share in zip(ARTEFACT_CONCEPTS, covers, strict=True)
    ]
    lesion = shown.lesion[top:bottom, left:right]
    known = _factors_known(float(lesion.sum() / max(shown.lesion.sum(), 1e-6)), (right - left) * (bottom - top))
    return np.array(
        [*artefacts, *(shown.factors * known), _side(float(lesion.mean()), 0.005, 0.04), shown.tone], np.float32
    )


def _factors_known(part_of_lesion: float, n_cells: int) -> NDArray[np.float32]:
    """Say which factors a crop can tell: shape needs nearly all of the lesion, size nearly all of the picture."""
    whole, half = part_of_lesion > 0.9, part_of_lesion > 0.5
    full = n_cells > 0.8 * CELLS * CELLS
    return np.array([whole, half, whole, whole and full, whole], np.float32)


def draw_box(rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Draw a crop in cells: the whole picture in half of the draws, else any box of a quarter side or more."""
    if rng.random() < 0.5:
        trim = rng.integers(0, 3, 4)
        return int(trim[0]), int(trim[1]), CELLS - int(trim[2]), CELLS - int(trim[3])
    side = CELLS * rng.uniform(0.22, 0.9)
    stretch = np.exp(rng.uniform(-0.35, 0.35))
    width, height = (int(np.clip(round(side * f), 6, CELLS)) for f in (stretch, 1 / stretch))
    left, top = int(rng.integers(CELLS - width + 1)), int(rng.integers(CELLS - height + 1))
    return left, top, left + width, top + height


def cut(pixels: Tensor, boxes: NDArray[np.float32], rng: np.random.Generator) -> Tensor:
    """Cut boxes from uint8 pictures, squash them to the model's size, mirror, turn and jitter them."""
    low, high = boxes[:, :2] / CELLS * 2 - 1, boxes[:, 2:] / CELLS * 2 - 1
    scale = (high - low) / 2 * rng.choice([-1.0, 1.0], (len(boxes), 2))
    matrix = np.zeros((len(boxes), 2, 3), np.float32)
    turned = rng.random(len(boxes)) < 0.5
    rows = np.arange(2)[None], np.where(turned[:, None], [[1, 0]], [[0, 1]])
    matrix[np.arange(len(boxes))[:, None], rows[0], rows[1]] = scale
    matrix[:, :, 2] = (low + high) / 2
    grid = nn.functional.affine_grid(
        torch.from_numpy(matrix), [len(boxes), 3, IMAGE_SIZE, IMAGE_SIZE], align_corners=False
    )
    crops = nn.functional.grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
    return _jittered(crops / 255.0, rng)


def _jittered(crops: Tensor, rng: np.random.Generator) -> Tensor:
    """Vary brightness and white balance a little, and normalise."""
    gains = rng.normal(1, 0.05, (len(crops), 1, 1, 1)) * rng.normal(1, 0.015, (len(crops), 3, 1, 1))
    lit = (crops * torch.from_numpy(gains.astype(np.float32))).clamp(0, 1)
    return (lit - lit.new_tensor(MEAN).view(1, 3, 1, 1)) / lit.new_tensor(STD).view(1, 3, 1, 1)


def sigmoid_loss(logits: Tensor, true: Tensor, false: Tensor) -> Tensor:
    """Return the sigmoid loss of images and captions, with as much weight on the true as on the false.

    As SigLIP's (Zhai et al. 2023, eq. 1), but a caption may be true of many images and undecided of others, and
    each caption's true and false pairs are averaged apart, so that rare concepts count as much as frequent ones.
    """
    positive = (nn.functional.softplus(-logits) * true).sum(0) / true.sum(0).clamp(min=1)
    negative = (nn.functional.softplus(logits) * false).sum(0) / false.sum(0).clamp(min=1)
    return (positive + negative).mean()


def rare_words() -> tuple[str, ...]:
    """Return words of the tokenizer's vocabulary that no caption uses: the pictures show none of them."""
    vocabulary = open_clip.SimpleTokenizer().encoder
    words = [token[:-4] for token in vocabulary if token.endswith("</w>") and token[:-4].isalpha()]
    used = " ".join(_known_text()).replace("-", " ").split()
    return tuple(word for word in words if len(word) > 3 and word.isascii() and word not in used)


def _known_text() -> list[str]:

    phrases = [phrase for table in (PRESENT, ABSENT) for options in table.values() for phrase in options]
    return [*phrases, *PLAIN, *TEMPLATES, *NULLS]


class Trainer:
    """The training state: model, pictures, optimiser and the stream of choices."""

    def __init__(self, seed: int, n_pictures: int, n_steps: int, start: Path | None) -> None:
        self.emphasis: Mapping[str, float] = NO_EMPHASIS
        self.pictures = [picture(seed, index) for index in range(n_pictures)]
        self.pixels = torch.from_numpy(np.stack([p.image for p in self.pictures])).permute(0, 3, 1, 2)
        torch.manual_seed(int(stream("foundation-train/initial-weights", seed).integers(2**62)))
        self.model = new_model().to(memory_format=torch.channels_last).train()
        if start is not None:
            self.model.load_state_dict(load_file(start / "open_clip_model.safetensors"))
        self.bias = nn.Parameter(torch.zeros(()))
        self.tokenize, self.words = tokenizer(), rare_words()
        self.rng = stream("foundation-train/order", seed)
        self.optimiser = torch.optim.AdamW([*self.model.parameters(), self.bias], PEAK_RATE, weight_decay=0.0)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, PEAK_RATE, total_steps=n_steps, pct_start=0.1
        )

    def step(self) -> float:
        """Take one step on a batch of crops and a batch of captions; return the loss."""
        chosen = self.rng.integers(len(self.pictures), size=BATCH)
        boxes = [draw_box(self.rng) for _ in chosen]
        seen = np.stack([visible(self.pictures[i], box) for i, box in zip(chosen, boxes, strict=True)])
        captions = [draw_caption(self.rng, self.words, self.emphasis) for _ in range(N_CAPTIONS)]
        crops = cut(self.pixels[torch.from_numpy(chosen)], np.array(boxes, np.float32), self.rng)
        return self._update(crops, captions, seen)

    def _update(self, crops: Tensor, captions: list[Caption], seen: NDArray[np.float32]) -> float:
        true, false = (torch.from_numpy(part).float() for part in truth(captions, seen))
        crops = crops.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            images = self.model.encode_image(crops, normalize=True).float()  # type: ignore[operator]
        texts = self.model.encode_text(self.tokenize([c.text for c in captions]), normalize=True)  # type: ignore[operator]
        loss = sigmoid_loss(self.model.logit_scale.exp() * images @ texts.T + self.bias, true, false)  # type: ignore[operator]
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.schedule.step()
        return float(loss.detach())


def train_foundation(
    out: Path,
    *,
    seed: int = 0,
    n_pictures: int = 3000,
    n_steps: int = 1200,
    start: Path | None = None,
    emphasis: Mapping[str, float] = NO_EMPHASIS,
) -> None:
    """Train the model and write it to a folder in open_clip's local-dir form.

    Parameters
    ----------
    out : Path
        The folder; made if missing.
    seed : int
        Seed within the purpose ``foundation-train``.
    n_pictures, n_steps : int
        Pictures drawn before training, and optimiser steps of 64 crops each.
    start : Path, optional
        A model trained before, to go on from; give a further stage another seed, and so other pictures.
    emphasis : mapping of str to float
        How much more often than once captions of some concepts are drawn: shape is hardly learned otherwise.
    """
    trainer = Trainer(seed, n_pictures, n_steps, start)
    trainer.emphasis = emphasis
    recent = []
    for step in range(1, n_steps + 1):
        recent.append(trainer.step())
        if step % 50 == 0:
            print(f"step {step} of {n_steps}, loss {np.mean(recent[-50:]):.3f}", flush=True)
    save_foundation(trainer.model.eval(), out)


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(prog="python -m auditlens.testbed.train_foundation", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="go on from a folder this command wrote before")
    parser.add_argument("--emphasis", nargs="*", default=[], metavar="CONCEPT=WEIGHT", help="drawn more often")
    parser.add_argument("--n-pictures", type=int, default=3000)
    parser.add_argument("--n-steps", type=int, default=1200)
    parser.add_argument("--threads", type=int, default=1, help="figures repeat exactly on the same number")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    train_foundation(
        given.out,
        seed=given.seed,
        n_pictures=given.n_pictures,
        n_steps=given.n_steps,
        start=given.start,
        emphasis={name: float(weight) for name, weight in (pair.split("=") for pair in given.emphasis)},
    )


if __name__ == "__main__":
    main()
