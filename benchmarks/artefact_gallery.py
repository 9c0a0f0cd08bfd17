"""Draw contact sheets of artefacts: each in five images, and the sham of the fifth.

Run: `python benchmarks/artefact_gallery.py docs/images/artefacts` for the sheets of docs/artefacts.md: the libraries in
generated scenes. It also prints, for each artefact, the share of its pixel energy that the sham reaches (median and
lowest of 24 scenes of 128 pixels). X-ray artefacts are shown in the same scenes turned grey, since the testbed draws
no chests.

To see artefacts in real images, which may not be kept in this repository, name a folder outside of it:
`python benchmarks/artefact_gallery.py /tmp/sheets --images ../shared/data/isic2017/images` (the libraries dermoscopy
and general), or `--spec tests/realdata/nevus.yaml` (the spec's own artefacts in clean images of its data; with
`--images`, in those of that folder).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from pydantic import TypeAdapter

from auditlens.challenge.draws import digest_of, stream
from auditlens.challenge.instances import load_artefact
from auditlens.challenge.lettering import box_of, inked, written
from auditlens.challenge.placement import centre_ellipse
from auditlens.challenge.rendering import ArtefactSource, Image8, Mask, as_grey
from auditlens.challenge.sham import make_sham
from auditlens.challenge.trials import Choosing, avoided, clean_rows
from auditlens.data.images import load_rgb
from auditlens.data.index import read_index
from auditlens.data.sample import DataIndex
from auditlens.spec.artefacts import Artefact
from auditlens.spec.include import LIBRARY
from auditlens.spec.load import load_spec
from auditlens.store import Store
from auditlens.testbed.scenes import bare_scene

SIZE, N_SHOWN, GAP, CAPTION = 96, 5, 4, 14
SEED = 3
N_MEASURED = 24
REAL_SIZE, LONGEST = 256, 600
"""Cell of a sheet of real images, and what their longest side is brought to before anything is put in."""
REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Shown:
    """One image that an artefact goes into."""

    image: Image8
    avoid: Mask | None
    instances: Sequence[int] | None = None
    """Those that may go in; None for all."""


def sheet(artefacts: Mapping[str, tuple[ArtefactSource, Sequence[Shown]]], cell: tuple[int, int]) -> Image8:
    """One row per artefact: its name, five instances in five images, and the sham of the last."""
    rows = []
    for name, (source, shown) in artefacts.items():
        rows += [_caption(name, cell), _row(source, shown, cell)]
    return np.concatenate(rows)


def in_scenes(library: Path) -> Iterator[tuple[str, ArtefactSource, list[Shown]]]:
    """Each artefact of a library with five generated scenes."""
    grey = library.stem == "xray"
    for name, fields in yaml.safe_load(library.read_text(encoding="utf-8"))["artefacts"].items():
        source = load_artefact(TypeAdapter(Artefact).validate_json(json.dumps(fields)), library.parent, SEED)
        scenes = [bare_scene("reference", SEED, number, number, SIZE).image for number in range(N_SHOWN)]
        avoid = None if source.artefact.avoid == "nothing" else centre_ellipse(SIZE, SIZE)
        yield name, source, [Shown(as_grey(scene) if grey else scene, avoid) for scene in scenes]


def in_folder(
    artefacts: Mapping[str, Artefact], base: Path, folder: Path
) -> Iterator[tuple[str, ArtefactSource, list[Shown]]]:
    """Each artefact with five pictures of a folder, drawn by name."""
    files = sorted((path for path in folder.iterdir() if path.is_file()), key=lambda path: digest_of(path.name, SEED))
    images = [_small(load_rgb(path)) for path in files[:N_SHOWN]]
    for name, artefact in artefacts.items():
        source = load_artefact(artefact, base, SEED)
        size = [(image.shape[0], image.shape[1]) for image in images]
        avoid = [None if artefact.avoid == "nothing" else centre_ellipse(*one) for one in size]
        yield name, source, [Shown(image, mask) for image, mask in zip(images, avoid, strict=True)]


def in_data(
    artefacts: Mapping[str, Artefact], base: Path, index: DataIndex
) -> Iterator[tuple[str, ArtefactSource, list[Shown]]]:
    """Each artefact with five images of the data that it may go into, drawn by hash."""
    for name, artefact in artefacts.items():
        source = load_artefact(artefact, base, SEED, index)
        rows = sorted(clean_rows(index, artefact, base), key=lambda row: digest_of(index.samples[row].digest, SEED))
        shown = []
        for sample in (index.samples[row] for row in rows[:N_SHOWN]):
            image = _small(load_rgb(sample))
            instances = source.instances_for(sample) if isinstance(source, Choosing) else None
            shown.append(Shown(image, avoided(sample, artefact.avoid, (image.shape[0], image.shape[1])), instances))
        yield name, source, shown


def energy_ratios(source: ArtefactSource, grey: bool) -> list[float]:
    """Share of the artefact's pixel energy that its sham reaches, in generated scenes."""
    ratios = []
    for number in range(N_MEASURED):
        scene = bare_scene("reference", SEED, number, number).image
        before, avoid = as_grey(scene) if grey else scene, centre_ellipse(*scene.shape[:2])
        shown = source.render(before, number % source.n_instances, stream("energy", number, SEED), avoid)
        ratios.append(make_sham(before, shown, stream("energy of sham", number, SEED)).energy_ratio)
    return ratios


def _small(image: Image8) -> Image8:
    picture = Image.fromarray(image)
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def _row(source: ArtefactSource, shown: Sequence[Shown], cell: tuple[int, int]) -> Image8:
    cells = []
    for number, one in enumerate(shown):
        name = (number, source.artefact.kind, SEED)
        instances = one.instances if one.instances is not None else range(source.n_instances)
        instance = instances[number % len(instances)]
        rendering = source.render(one.image, instance, stream("gallery", *name), one.avoid)
        cells.append(rendering.inserted)
    cells.append(make_sham(shown[-1].image, rendering, stream("gallery sham", *name)).image)
    gap = np.full((cell[0], GAP, 3), 255, dtype=np.uint8)
    row = np.concatenate([part for one in cells for part in (_fitted(one, cell), gap)], axis=1)
    return np.concatenate([row, np.full((GAP, row.shape[1], 3), 255, dtype=np.uint8)])


def _fitted(image: Image8, cell: tuple[int, int]) -> Image8:
    """Bring an image into a cell, on white; one that has its size stays as it is."""
    if image.shape[:2] == cell:
        return image
    picture, canvas = Image.fromarray(image), Image.new("RGB", (cell[1], cell[0]), "white")
    picture.thumbnail((cell[1], cell[0]), Image.Resampling.LANCZOS)
    canvas.paste(picture)
    return np.asarray(canvas)


def _caption(text: str, cell: tuple[int, int]) -> Image8:
    line = np.full((CAPTION, (cell[1] + GAP) * (N_SHOWN + 1), 3), 255.0)
    paths = written(text.replace("_", " "), 8.0)
    corner, size = box_of(paths, 2.0)
    letters = inked(paths, 1.2, corner, size)[:CAPTION]
    line[: letters.shape[0], : letters.shape[1]] -= 225.0 * letters[:, :, None]
    return line.clip(0, 255).astype(np.uint8)


def write_libraries(folder: Path) -> None:
    """Write one JPEG per library of artefacts, in generated scenes, and print what the shams reach."""
    for library in sorted((LIBRARY / "artefacts").glob("*.yaml")):
        artefacts = {}
        for name, source, shown in in_scenes(library):
            ratios = energy_ratios(source, library.stem == "xray")
            print(
                f"{library.stem} {name}: sham's share of the energy {np.median(ratios):.2f}, lowest {min(ratios):.2f}"
            )
            artefacts[name] = (source, shown)
        _write(folder / f"{library.stem}.jpg", sheet(artefacts, (SIZE, SIZE)), 58)


def write_real(folder: Path, images: Path | None, spec: Path | None) -> None:
    """Write one JPEG per artefact in real images.

    Raises
    ------
    SystemExit
        Where the folder lies in this repository.
    """
    if folder.resolve().is_relative_to(REPOSITORY):
        raise SystemExit(f"{folder}: pictures of real images may not be kept in {REPOSITORY}")
    if spec is None:
        assert images is not None
        found = _libraries(images)
    else:
        loaded = load_spec(spec)
        artefacts, base = loaded.spec.artefacts, loaded.base
        if images is not None:
            found = in_folder(artefacts, base, images)
        else:
            with tempfile.TemporaryDirectory() as store:
                found = in_data(artefacts, base, read_index(loaded.spec.data, base, loaded.classes, Store(Path(store))))
    for name, source, shown in found:
        _write(folder / f"{name}.jpg", sheet({name: (source, shown)}, (REAL_SIZE, REAL_SIZE)), 90)


def _libraries(images: Path) -> Iterator[tuple[str, ArtefactSource, list[Shown]]]:
    for library in ("dermoscopy", "general"):
        path = LIBRARY / "artefacts" / f"{library}.yaml"
        described = yaml.safe_load(path.read_text(encoding="utf-8"))["artefacts"]
        artefacts = {
            f"{library}-{name}": TypeAdapter(Artefact).validate_json(json.dumps(fields))
            for name, fields in described.items()
        }
        yield from in_folder(artefacts, path.parent, images)


def _write(path: Path, pixels: Image8, quality: int) -> None:
    Image.fromarray(pixels).save(path, quality=quality, optimize=True)
    print(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


def main() -> None:
    """Read the arguments and write the sheets."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=Path, help="folder of real images")
    parser.add_argument("--spec", type=Path, help="spec whose artefacts are shown")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.images is None and given.spec is None:
        write_libraries(given.folder)
    else:
        write_real(given.folder, given.images, given.spec)


if __name__ == "__main__":
    main()
