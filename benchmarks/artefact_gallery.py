"""Draw the contact sheets of docs/artefacts.md: each artefact of each library in generated scenes, and its sham.

Run: `python benchmarks/artefact_gallery.py docs/images/artefacts`. It also prints, for each artefact, the share of its
pixel energy that the sham reaches (median and lowest of 24 scenes of 128 pixels). Nothing but generated images goes in.
X-ray artefacts are shown in the same scenes turned grey, since the testbed draws no chests.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from pydantic import TypeAdapter

from auditlens.challenge.draws import stream
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.lettering import box_of, inked, written
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.rendering import ArtefactSource, Image8, as_grey
from auditlens.challenge.sham import make_sham
from auditlens.spec.artefacts import Artefact
from auditlens.spec.include import LIBRARY
from auditlens.testbed.scenes import bare_scene

SIZE, N_SHOWN, GAP, CAPTION = 96, 5, 4, 14
SEED = 3
N_MEASURED = 24


def contact_sheet(library: Path) -> Image8:
    """One row per artefact: its name, five instances in five scenes, and the sham of the last."""
    described = yaml.safe_load(library.read_text(encoding="utf-8"))["artefacts"]
    rows = []
    for name, fields in described.items():
        source = load_artefact(TypeAdapter(Artefact).validate_json(json.dumps(fields)), library.parent, SEED)
        rows += [_caption(name), _row(source, library.stem == "xray")]
        ratios = _energy_ratios(source, library.stem == "xray")
        print(f"{library.stem} {name}: sham's share of the energy {np.median(ratios):.2f}, lowest {min(ratios):.2f}")
    return np.concatenate(rows)


def _energy_ratios(source: ArtefactSource, grey: bool) -> list[float]:
    ratios = []
    for number in range(N_MEASURED):
        scene = bare_scene("reference", SEED, number, number).image
        before, avoid = as_grey(scene) if grey else scene, centre_ellipse(*scene.shape[:2])
        shown = source.render(before, number % source.n_instances, stream("energy", number, SEED), avoid)
        ratios.append(make_sham(before, shown, stream("energy of sham", number, SEED)).energy_ratio)
    return ratios


def _row(source: ArtefactSource, grey: bool) -> Image8:
    cells = []
    avoid = None if source.artefact.avoid == "nothing" else centre_ellipse(SIZE, SIZE)
    for number in range(N_SHOWN):
        scene = bare_scene("reference", SEED, number, number, SIZE).image
        before = as_grey(scene) if grey else scene
        name = (number, source.artefact.kind, SEED)
        shown = source.render(before, number % source.n_instances, stream("gallery", *name), avoid)
        cells.append(shown.inserted)
    cells.append(make_sham(before, shown, stream("gallery sham", *name)).image)
    gap = np.full((SIZE, GAP, 3), 255, dtype=np.uint8)
    row = np.concatenate([part for cell in cells for part in (cell, gap)], axis=1)
    return np.concatenate([row, np.full((GAP, row.shape[1], 3), 255, dtype=np.uint8)])


def _caption(text: str) -> Image8:
    line = np.full((CAPTION, (SIZE + GAP) * (N_SHOWN + 1), 3), 255.0)
    paths = written(text.replace("_", " "), 8.0)
    corner, size = box_of(paths, 2.0)
    letters = inked(paths, 1.2, corner, size)[:CAPTION]
    line[: letters.shape[0], : letters.shape[1]] -= 225.0 * letters[:, :, None]
    return line.clip(0, 255).astype(np.uint8)


def main(folder: Path) -> None:
    """Write one JPEG per library of artefacts."""
    folder.mkdir(parents=True, exist_ok=True)
    for library in sorted((LIBRARY / "artefacts").glob("*.yaml")):
        path = folder / f"{library.stem}.jpg"
        Image.fromarray(contact_sheet(library)).save(path, quality=58, optimize=True)
        print(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
