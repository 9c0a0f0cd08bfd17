"""Print a testbed model's measured figures as its card.

``python -m auditlens.testbed.evaluate classifier FILE`` and ``... foundation DIR``; ``--write`` stores the card.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from auditlens.testbed.captions import ARTEFACT_CONCEPTS, FACTOR_CONCEPTS
from auditlens.testbed.cards import classifier_card, foundation_card
from auditlens.testbed.foundation import Tokenize, load_foundation
from auditlens.testbed.measure import N_EVALUATED, measure
from auditlens.testbed.scenes import Scene, place_artefacts, scenes
from auditlens.testbed.weights_io import load_classifier, read_origin

PROBES: Final[Mapping[str, tuple[str, ...]]] = {
    "ruler": ("ruler", "ruler marks"),
    "band_aid": ("band-aid", "patch"),
    "hair": ("hair", "hairs"),
    "ink": ("ink", "pen marks"),
    "red_skin": ("red skin", "redness"),
    "dark_corner": ("dark corner", "vignette"),
    "asymmetric": ("asymmetric lesion", "asymmetry"),
    "irregular_border": ("irregular border", "ragged border"),
    "many_colours": ("many colours", "variegated colour"),
    "large_diameter": ("large lesion", "large diameter"),
    "blue_white_veil": ("blue-white veil",),
}
PROBE_TEMPLATES: Final = ("{}", "an image of {}", "a dermoscopy image with {}")
NULL_TEXT: Final = "an image of skin"


def probe(model: Any, tokenize: Tokenize, texts: tuple[str, ...]) -> torch.Tensor:
    """Return one unit vector per concept: the mean over its texts and the templates."""
    sentences = [template.format(text) for text in texts for template in PROBE_TEMPLATES]
    mean = model.encode_text(tokenize(sentences), normalize=True).mean(0)
    return torch.as_tensor(mean / mean.norm())


@torch.inference_mode()
def alignments(folder: Path, images: list[NDArray[np.uint8]]) -> dict[str, NDArray[np.float64]]:
    """Return, per concept, each image's similarity to its probe less that to the null sentence."""
    model, preprocess, tokenize = load_foundation(folder)
    batch = torch.stack([preprocess(Image.fromarray(image)) for image in images])
    embedded = torch.cat([model.encode_image(part, normalize=True) for part in torch.split(batch, 128)])
    null = embedded @ model.encode_text(tokenize([NULL_TEXT]), normalize=True)[0]
    return {name: (embedded @ probe(model, tokenize, texts) - null).double().numpy() for name, texts in PROBES.items()}


def flags(scene: Scene) -> dict[str, bool]:
    """Return what is true of a scene, by concept."""
    factors = scene.factors
    shape = (factors.asymmetry > 0.5, factors.border > 0.5, factors.n_colours >= 3, factors.diameter > 0.5)
    return {
        **{name: name in scene.present for name in ARTEFACT_CONCEPTS},
        **dict(zip(FACTOR_CONCEPTS, (*shape, factors.veil), strict=True)),
    }


def probe_aurocs(folder: Path, *, n: int = N_EVALUATED, seed: int = 11) -> dict[str, dict[str, float]]:
    """Return the AUROC of every concept's probe against every flag, on ``n`` audited test images.

    The images are those an audit sees: audited renderers, purpose ``test``, artefacts at natural rates.
    """
    drawn = list(scenes(n=n, seed=seed))
    truth = [flags(scene) for scene in drawn]
    return {
        name: {flag: float(roc_auc_score([t[flag] for t in truth], values)) for flag in PROBES}
        for name, values in alignments(folder, [scene.image for scene in drawn]).items()
    }


def fullest_window(changed: NDArray[np.bool_], side: int) -> tuple[slice, slice]:
    """Return rows and columns of the square window with the most changed pixels, on a grid of sixteenths."""
    size = changed.shape[0]
    starts = [(y, x) for y in range(0, size - side + 1, size // 16) for x in range(0, size - side + 1, size // 16)]
    y, x = max(starts, key=lambda start: int(changed[start[0] :, start[1] :][:side, :side].sum()))
    return slice(y, y + side), slice(x, x + side)


def crop_aurocs(folder: Path, *, n: int = 150, seed: int = 1) -> dict[str, float]:
    """Return, per artefact, how well its probe tells tight crops with it from the same crops without it.

    A crop is the square of three eighths of the image's side that holds most of the artefact.
    """
    bare = list(scenes(n=n, seed=seed, artefact_rates={}))
    aurocs = {}
    for name in ARTEFACT_CONCEPTS:
        pairs = [
            _cropped_pair(scene.image, place_artefacts(scene, {name: 1.0}, "test", seed, i).image)
            for i, scene in enumerate(bare)
        ]
        images = [image for pair in pairs for image in pair]
        aurocs[name] = float(roc_auc_score([0, 1] * n, alignments(folder, images)[name]))
    return aurocs


def _cropped_pair(without: NDArray[np.uint8], with_it: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    rows, columns = fullest_window((without != with_it).any(-1), 3 * without.shape[0] // 8)
    return [without[rows, columns], with_it[rows, columns]]


def _card(kind: str, path: Path) -> str:
    if kind == "foundation":
        return foundation_card(path.name, probe_aurocs(path), crop_aurocs(path), N_EVALUATED)
    origin = read_origin(path)
    return classifier_card(path.stem, origin, measure(load_classifier(path), origin.threshold))


def main() -> None:
    """Print, and with ``--write`` store, a card."""
    parser = argparse.ArgumentParser(prog="python -m auditlens.testbed.evaluate", description=__doc__)
    parser.add_argument("kind", choices=["classifier", "foundation"])
    parser.add_argument("path", type=Path)
    parser.add_argument("--write", action="store_true", help="store the card beside the weights")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    card = _card(given.kind, given.path)
    print(card)
    if given.write:
        file = given.path / "card.md" if given.path.is_dir() else given.path.with_suffix(".card.md")
        file.write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
