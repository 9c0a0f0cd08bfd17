"""Do the soft masks of transplants lie on the artefact? Measured by masks that others made, on a published model.

    python benchmarks/transplant_masks.py [SPEC] [MASKS]

SPEC is tests/realdata/nevus.yaml and MASKS the folder of masks of the same images by default. For each artefact: the
AUROC of the concept activation vector, and over its instances the share of the soft mask's mass inside of the given
masks, beside the share of the area that these cover: 1 times would be a mask that knows nothing. `all` takes up to 200
examples instead of the 24 best-scored ones. The given masks were made by attribution on another
network, and some are noisy (see the data's README), so this says how far two methods agree.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

from auditlens.challenge.stamps import read_picture, resized
from auditlens.challenge.transplants import Example, TransplantSource
from auditlens.findings.transplant import separation
from auditlens.gather.transplants import with_transplants
from auditlens.plan.selection import EVERYTHING, choose
from auditlens.spec.load import LoadedSpec, load_spec
from auditlens.steps.load import load
from auditlens.steps.machine import Machine

ROOT = Path(__file__).parents[1]
COLUMNS = {"band_aid": "patches", "ruler": "ruler", "skin_marker": "ink"}
"""Folder of masks -> column of the data."""


def main() -> None:
    """Print one line per artefact and choice of examples."""
    options = argparse.ArgumentParser()
    options.add_argument("spec", nargs="?", type=Path, default=ROOT / "tests" / "realdata" / "nevus.yaml")
    options.add_argument("masks", nargs="?", type=Path, default=ROOT.parent / "shared" / "data" / "isic2017" / "masks")
    options.add_argument("--store", type=Path, default=None)
    options.add_argument("--layers", default="auto", help="value of model.layers; the last one is used")
    found = options.parse_args()
    if not found.masks.is_dir():
        sys.exit(f"{found.masks} does not exist")
    with tempfile.TemporaryDirectory() as folder:
        for choice, n in (("best", 24), ("all", 200)):
            _say(found, choice, _spec(found, n, Path(folder)))


def _say(options: argparse.Namespace, choice: str, loaded: LoadedSpec) -> None:
    context = load(choose(loaded, EVERYTHING), Machine("cpu", options.store))
    _, made = with_transplants(context)
    for row in made.skipped:
        print(f"{row.what}: {row.why}")
    for name, source in made.sources.items():
        told, layer = separation(made.separated[name]), made.separated[name].layer
        print(f"{name} ({choice}), {layer}: AUROC {told.value:.3f} ({told.low:.3f} to {told.high:.3f})")
        print(f"  {_agreement(source, options.masks / name)}", flush=True)


def _spec(options: argparse.Namespace, n_instances: int, folder: Path) -> LoadedSpec:
    """The given spec with the transplants in place of its own artefacts."""
    kept = load_spec(options.spec).spec
    document = {
        "auditlens": 1,
        "include": [str(options.spec.resolve())],
        "model": {"layers": options.layers if options.layers == "auto" else options.layers.split(",")},
        "concepts": {name: {"artefact": None} for name, concept in kept.concepts.items() if concept.artefact},
        "artefacts": dict.fromkeys(kept.artefacts)
        | {
            name: {"kind": "transplant", "column": column, "n_instances": n_instances}
            for name, column in COLUMNS.items()
        },
        "gates": {name: None for name, gate in kept.gates.items() if gate.artefact is not None},
    }
    path = folder / f"best{n_instances}.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_spec(path)


def _agreement(source: object, folder: Path) -> str:
    assert isinstance(source, TransplantSource)
    rows = [row for example in source.examples if (row := _shares(example, folder)) is not None]
    inside, area = np.mean(rows, axis=0)
    ratio = np.median([one / other for one, other in rows])
    said = (
        f"{len(rows)} of {source.n_instances} instances have a mask, {100 * inside:.1f} % of the soft mask inside of it"
    )
    return f"{said}, {100 * area:.1f} % of the area, median ratio {ratio:.2f}"


def _shares(example: Example, folder: Path) -> tuple[float, float] | None:
    """Mass inside of the given mask, and its share of the area; None without a usable one."""
    path = folder / f"{Path(example.name).stem}.png"
    if not path.is_file():
        return None
    given = resized(read_picture(path, "L").astype(np.float32)[:, :, None], *example.mask.shape)[:, :, 0]
    inside = given >= given.max() / 2
    if not given.max() > 0 or not 0.002 < inside.mean() < 0.6:
        return None
    return float(example.mask[inside].sum() / example.mask.sum()), float(inside.mean())


if __name__ == "__main__":
    main()
