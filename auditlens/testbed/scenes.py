"""Generated dermoscopy scenes with a known label rule, and the writer that puts them into a folder.

Image ``i`` of a seed is the same whatever the number of images is. The label is drawn from the ABCD factors
alone; artefacts are drawn from streams of their own, so that they can never say anything of the label here.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from auditlens.testbed.artefacts import ARTEFACTS, Pixels
from auditlens.testbed.lesions import Factors, draw
from auditlens.testbed.streams import Purpose, stream

NATURAL_RATES: Final[Mapping[str, float]] = {
    "ruler": 0.15,
    "band_aid": 0.10,
    "hair": 0.20,
    "ink": 0.12,
    "red_skin": 0.12,
    "dark_corner": 0.15,
}
CLASSES: Final = ("benign", "melanoma")
STEEPNESS: Final = 6.0
MIDPOINT: Final = 2.05
COLUMNS: Final = (
    "image", "label", "patient", "mask", *NATURAL_RATES,
    "asymmetric", "irregular_border", "many_colours", "large_diameter",
    "asymmetry", "border_irregularity", "n_colours", "diameter",
    "blue_white_veil", "skin_tone", "p_melanoma",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """One generated image and all that is true of it.

    Attributes
    ----------
    image : uint8 ``[size, size, 3]``
    mask : uint8 ``[size, size]``
        255 on the lesion.
    factors : Factors
        The latent factors the label was drawn from.
    p_melanoma : float
        The rule's probability; the best any model can know.
    melanoma : bool
        The label.
    patient : int
        Number of the patient within the seed; images of one patient share the skin tone.
    tone : float
        Skin tone from 0 (fair) to 1 (dark).
    present : tuple of str
        Artefacts that were rendered into the image.
    """

    image: Pixels
    mask: Pixels
    factors: Factors
    p_melanoma: float
    melanoma: bool
    patient: int
    tone: float
    present: tuple[str, ...]


def draw_factors(rng: np.random.Generator) -> Factors:
    """Draw the four factors, independent of each other, each more often clear than middling."""
    asymmetry, border, diameter = rng.beta(0.7, 0.7, 3)
    n_colours = int(rng.choice(5, p=[0.28, 0.24, 0.18, 0.16, 0.14])) + 1
    veil = bool(n_colours >= 4 and rng.random() < 0.35)
    return Factors(float(asymmetry), float(border), n_colours, float(diameter), veil)


def probability(factors: Factors) -> float:
    """Return P(melanoma) by the rule: a logistic function of the sum of the four factors.

    With `STEEPNESS` as it stands, the Bayes AUROC is about 0.95 and the prevalence about 0.4.
    """
    total = factors.asymmetry + factors.border + (factors.n_colours - 1) / 4 + factors.diameter
    return float(1 / (1 + np.exp(-STEEPNESS * (total - MIDPOINT))))


def patients(purpose: Purpose, seed: int, n: int, images_per_patient: int) -> NDArray[np.int64]:
    """Return the patient number of the first ``n`` images, 1 to ``images_per_patient`` images each."""
    if images_per_patient < 1:
        raise ValueError(f"images_per_patient must be at least 1, not {images_per_patient}")
    sizes = 1 + (stream(f"{purpose}/patients", seed).random(n) * images_per_patient).astype(np.int64)
    return np.repeat(np.arange(n), sizes)[:n]


def skin_tone(purpose: Purpose, seed: int, patient: int) -> float:
    """Return a patient's skin tone in [0, 1]; fair tones are more frequent."""
    return float(stream(f"{purpose}/skin", seed, patient).beta(1.2, 2.2))


def bare_scene(purpose: Purpose, seed: int, index: int, patient: int, image_size: int = 128) -> Scene:
    """Return image ``index`` of a seed without any artefact."""
    rng = stream(f"{purpose}/lesion", seed, index)
    factors = draw_factors(rng)
    chance = probability(factors)
    melanoma = bool(rng.random() < chance)
    tone = skin_tone(purpose, seed, patient)
    image, mask = draw(rng, factors, tone, image_size)
    return Scene(image, mask, factors, chance, melanoma, patient, tone, ())


def artefact_stream(purpose: Purpose, name: str, seed: int, index: int) -> np.random.Generator:
    """Return the stream that decides and renders one artefact in one image: its first number decides."""
    return stream(f"{purpose}/artefact/{name}", seed, index)


def place_artefacts(scene: Scene, rates: Mapping[str, float], purpose: Purpose, seed: int, index: int) -> Scene:
    """Return the scene with each artefact put in at its rate, each from a stream of its own.

    An artefact looks the same in an image whatever the other rates are: rates 0 and 1 give pairs.
    """
    image, present = scene.image, []
    for name, renderer in ARTEFACTS.items():
        rng = artefact_stream(purpose, name, seed, index)
        if rng.random() < rates.get(name, 0.0):
            image = renderer(image, rng)
            present.append(name)
    return Scene(
        image, scene.mask, scene.factors, scene.p_melanoma, scene.melanoma, scene.patient, scene.tone,
        tuple(present),
    )  # fmt: skip


def scenes(
    *,
    n: int,
    seed: int,
    artefact_rates: Mapping[str, float] | None = None,
    images_per_patient: int = 3,
    image_size: int = 128,
    purpose: Purpose = "test",
) -> Iterator[Scene]:
    """Yield the first ``n`` scenes of a seed; see `write_dermoscopy` for the parameters."""
    rates = _checked(NATURAL_RATES if artefact_rates is None else artefact_rates)
    for index, patient in enumerate(patients(purpose, seed, n, images_per_patient)):
        bare = bare_scene(purpose, seed, index, int(patient), image_size)
        yield place_artefacts(bare, rates, purpose, seed, index)


def _checked(rates: Mapping[str, float]) -> Mapping[str, float]:
    for name, rate in rates.items():
        if name not in ARTEFACTS:
            raise ValueError(f"unknown artefact {name!r}; valid: {', '.join(ARTEFACTS)}")
        if not 0 <= rate <= 1:
            raise ValueError(f"rate of {name!r} must lie in [0, 1], not {rate}")
    return rates


def _row(scene: Scene, image: str, mask: str) -> dict[str, object]:
    """Return a scene's line of the manifest."""
    factors = scene.factors
    return {
        "image": image,
        "label": CLASSES[scene.melanoma],
        "patient": f"p{scene.patient:05d}",
        "mask": mask,
        **{name: int(name in scene.present) for name in NATURAL_RATES},
        "asymmetric": int(factors.asymmetry > 0.5),
        "irregular_border": int(factors.border > 0.5),
        "many_colours": int(factors.n_colours >= 3),
        "large_diameter": int(factors.diameter > 0.5),
        "asymmetry": f"{factors.asymmetry:.4f}",
        "border_irregularity": f"{factors.border:.4f}",
        "n_colours": factors.n_colours,
        "diameter": f"{factors.diameter:.4f}",
        "blue_white_veil": int(factors.veil),
        "skin_tone": ("fair", "medium", "dark")[min(int(scene.tone * 3), 2)],
        "p_melanoma": f"{scene.p_melanoma:.4f}",
    }


def write_dermoscopy(
    folder: Path,
    *,
    n: int,
    seed: int,
    artefact_rates: dict[str, float] | None = None,
    images_per_patient: int = 3,
    image_size: int = 128,
    purpose: Purpose = "test",
) -> Path:
    """Write ``n`` generated images, their lesion masks and a manifest.

    Parameters
    ----------
    folder : Path
        Where ``images/``, ``masks/`` and ``manifest.csv`` go; made if missing.
    n : int
        Number of images.
    seed : int
        Non-negative; image ``i`` of a seed does not depend on ``n``.
    artefact_rates : dict of str to float, optional
        Rate of each artefact, independent of the label; those not named
        are left out. Default: `NATURAL_RATES`.
    images_per_patient : int
        Each patient has 1 to this many images, all with one skin tone.
    image_size : int
        Side in pixels.
    purpose : str
        Which family of streams; ``"test"`` never meets ``"train"``, whatever the seeds. ``"reference"`` is
        for example images of concepts.

    Returns
    -------
    Path
        The manifest, with the columns `COLUMNS`.
    """
    folder = Path(folder)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(exist_ok=True)
    manifest = folder / "manifest.csv"
    generated = scenes(
        n=n, seed=seed, artefact_rates=artefact_rates, images_per_patient=images_per_patient,
        image_size=image_size, purpose=purpose,
    )  # fmt: skip
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for index, scene in enumerate(generated):
            writer.writerow(_written(folder, index, scene))
    return manifest


def _written(folder: Path, index: int, scene: Scene) -> dict[str, object]:
    """Write one scene's files and return its line."""
    image, mask = f"images/{index:05d}.png", f"masks/{index:05d}.png"
    Image.fromarray(scene.image).save(folder / image, compress_level=1)
    Image.fromarray(scene.mask).save(folder / mask, compress_level=1)
    return _row(scene, image, mask)
