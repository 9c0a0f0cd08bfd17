"""The files that `specs/validation_dermoscopy.yaml` names, made by the testbed."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
import yaml
from PIL import Image
from pyarrow import parquet

from auditlens.data.salted import list_text
from auditlens.store.folders import file_sha256
from auditlens.subject.weights import load_weights
from auditlens.testbed import artefacts
from auditlens.testbed.models import small_cnn
from auditlens.testbed.scenes import NATURAL_RATES, scenes, write_dermoscopy
from auditlens.testbed.streams import Purpose

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "specs" / "validation_dermoscopy.yaml"
WEIGHTS = ROOT / "auditlens" / "testbed" / "weights"
SALT = "a salt of 16 or more"
NO_HASH = "0" * 64
SKIN = {"fair": "I-II", "medium": "III-IV", "dark": "V-VI"}
RENAMED = {
    "image": "path",
    "label": "histology",
    "patient": "patient_id",
    "mask": "lesion_mask",
    "irregular_border": "border_irregular",
    "blue_white_veil": "bwv",
}
FLAGS = {*NATURAL_RATES, "asymmetric", "irregular_border", "many_colours", "large_diameter", "blue_white_veil"}
CUTOUTS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "ruler": artefacts.ruler,
    "ink": artefacts.ink,
    "patch": artefacts.band_aid,
}


def write_case(folder: Path, n: int = 60) -> Path:
    """Write everything that the spec names, and the spec with the hashes of what was written.

    Parameters
    ----------
    folder : Path
    n : int
        Images in each of the sets.

    Returns
    -------
    Path
        The spec.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(("test", "dev", "atlas"), start=21):
        write_set(folder, name, n, seed)
    write_veils(folder / "refs" / "bwv")
    for name, draw in CUTOUTS.items():
        write_cutouts(folder / "cutouts" / name, draw)
    for name in ("train_ids.salted", "clip_finetune_ids.salted"):
        (folder / name).write_text(list_text([f"{name}-{number}" for number in range(3)], SALT))
    released = write_released(folder / "derm-1.3.pt", "ruler_planted")
    write_review(folder / "adjudications.yaml", file_sha256(released))
    spec = folder / "audit.yaml"
    spec.write_text(SPEC.read_text(encoding="utf-8").replace(NO_HASH, file_sha256(released)), encoding="utf-8")
    return spec


def write_set(folder: Path, name: str, n: int, seed: int, purpose: Purpose = "test") -> None:
    """One set of images with masks, and its table with the columns of a clinic."""
    written = write_dermoscopy(folder / name, n=n, seed=seed, purpose=purpose)
    with written.open(newline="") as file:
        rows = [clinical(row, name) for row in csv.DictReader(file)]
    parquet.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")


def clinical(row: dict[str, str], name: str) -> dict[str, object]:
    """A row of the testbed as a clinic would write it; site and device go by the patient."""
    number = int(row["patient"].removeprefix("p"))
    kept = {RENAMED.get(key, key): int(value) if key in FLAGS else value for key, value in row.items()}
    return kept | {
        "path": f"{name}/{row['image']}",
        "lesion_mask": f"{name}/{row['mask']}",
        "patient_id": f"{name}-{row['patient']}",
        "site": "Bern" if number % 2 else "Kyoto",
        "device": "AB"[number % 3 == 0],
        "fitzpatrick": SKIN[row["skin_tone"]],
    }


def write_veils(folder: Path, n: int = 4) -> None:
    """Example images of the blue-white veil."""
    folder.mkdir(parents=True)
    veiled = (scene for scene in scenes(n=400, seed=3, artefact_rates={}, purpose="reference") if scene.factors.veil)
    for number, scene in zip(range(n), veiled, strict=False):
        Image.fromarray(scene.image).save(folder / f"{number}.png")


def write_cutouts(folder: Path, draw: Callable[[np.ndarray, np.random.Generator], np.ndarray], n: int = 3) -> None:
    """Pictures with an alpha channel: what was drawn on black and on white tells colour and cover."""
    folder.mkdir(parents=True)
    for number in range(n):
        black, white = (
            draw(np.full((128, 128, 3), value, np.uint8), np.random.default_rng(number)).astype(float)
            for value in (0, 255)
        )
        alpha = 1 - (white - black).mean(axis=2) / 255
        colour = np.where(alpha[..., None] > 0, black / np.maximum(alpha, 1e-3)[..., None], 0)
        pixels = np.dstack([np.clip(colour, 0, 255), 255 * np.clip(alpha, 0, 1)]).round().astype(np.uint8)
        rows, columns = np.nonzero(pixels[..., 3])
        Image.fromarray(pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]).save(
            folder / f"{number}.png"
        )


def write_released(path: Path, weights: str) -> Path:
    """The file that ships: the testbed's network as TorchScript."""
    module = small_cnn().eval()
    load_weights(module, WEIGHTS / f"{weights}.safetensors", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch has deprecated what many a shipped file is made by
        torch.jit.trace(module, torch.rand(2, 3, 128, 128), check_trace=False).save(path)
    return path


def write_review(path: Path, sha256: str) -> None:
    """What readers decided, of the released file's components."""
    decision = "{decision: valid, reader: dr.ito, reason: pigment network}"
    path.write_text(f'review: {{model_sha256: "{sha256}", components: {{"features.relu4:3": {decision}}}}}\n')


def as_predecessor(spec: Path) -> Path:
    """Write the spec of an earlier version of the same device: the clean twin, with nothing before it."""
    document = yaml.safe_load(spec.read_text(encoding="utf-8"))
    for part in ("protocol", "baselines", "change", "waivers"):
        del document[part]
    del document["gates"]["not_worse"]
    document["include"].remove("adjudications.yaml")
    released = write_released(spec.parent / "derm-1.2.pt", "ruler_clean")
    document["model"]["released"] |= {"file": released.name, "sha256": file_sha256(released)}
    document["model"]["weights"] = "package:auditlens/testbed/weights/ruler_clean.safetensors"
    document["model"]["sha256"] = file_sha256(WEIGHTS / "ruler_clean.safetensors")
    earlier = spec.with_name("audit-1.2.yaml")
    earlier.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return earlier
