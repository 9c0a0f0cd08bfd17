"""How much of the lesion an artefact covers, by what it was told to avoid: `avoid`, tried out where masks are known.

    python benchmarks/avoided_lesions.py

150 generated scenes of the demonstration (seed 7). Patches and ink marks of the tool's own renderers are placed
anywhere; `relevance` is asked without showing it the masks, with either of the two shipped models.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from auditlens.challenge.rendering import changed
from auditlens.challenge.trials import Trial, avoided, picture, plan_trials
from auditlens.data.images import load_mask
from auditlens.findings.statistics import mean_effect
from auditlens.gather.context import Context
from auditlens.gather.regions import with_regions
from auditlens.gather.trials import artefact_sources
from auditlens.plan.selection import EVERYTHING, choose
from auditlens.spec.load import load_spec
from auditlens.spec.paths import share_folder
from auditlens.steps.load import load
from auditlens.steps.machine import Machine

KINDS = ("band_aid", "ink")
WAYS = ("nothing", "centre", "relevance", "lesion_mask")
N_IMAGES = 150


def main() -> None:
    """Print a row per model, artefact and way."""
    for example in ("demo_dermoscopy.yaml", "demo_dermoscopy_clean.yaml"):
        with tempfile.TemporaryDirectory() as folder:
            _one_model(example, Path(folder))


def _one_model(example: str, folder: Path) -> None:
    context = _context(example, folder)
    blind = tuple(replace(sample, mask=None) for sample in context.index.samples)
    looking = with_regions(replace(context, index=replace(context.index, samples=blind)))
    weights = context.spec.model.weights
    for way in WAYS[1:]:
        _say_regions(f"{weights}, {way}", looking if way == "relevance" else context, context, way)
    sources = artefact_sources(context)
    for name, source in sources.items():
        seen = looking if context.spec.artefacts[name].avoid == "relevance" else context
        trials = plan_trials(context.index, name, source, range(len(context.index)), seed=1)
        shares = [_covered(seen, context, name, source, trial) for trial in trials]
        found = mean_effect(shares, context.samples.units, [trial.instance for trial in trials])
        print(f"{weights}, {name}: share of the lesion covered {found.value:.3f} ({found.low:.3f} to {found.high:.3f})")


def _context(example: str, folder: Path) -> Context:
    inherited = ("ruler", "band_aid", "hair", "ink", "red_skin", "dark_corner")
    tried = {f"{kind}_{way}": {"kind": kind, "avoid": way, "placement": "anywhere"} for kind in KINDS for way in WAYS}
    document = {
        "auditlens": 1,
        "include": [str(share_folder("specs") / example)],
        "data": {"generate": {"arguments": {"n": N_IMAGES}}},
        "artefacts": dict.fromkeys(inherited) | tried,
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return load(choose(load_spec(folder / "spec.yaml"), EVERYTHING), Machine("cpu", folder / "store"))


def _say_regions(what: str, seen: Context, known: Context, way: str) -> None:
    """Print how much of the lesion lies in the region that is avoided, and how large that region is."""
    inside, areas = [], []
    for sample, truth in zip(seen.index.samples, known.index.samples, strict=True):
        lesion = load_mask(truth, (128, 128))
        region = avoided(sample, way, (128, 128))
        assert lesion is not None and region is not None  # every scene has a mask
        inside.append(float(region[lesion].mean()))
        areas.append(float(region.mean()))
    print(f"{what}: {np.mean(inside):.3f} of the lesion inside, {np.mean(areas):.3f} of the image")


def _covered(seen: Context, known: Context, name: str, source: object, trial: Trial) -> float:
    shown = picture(seen.index, name, source, trial, 1)  # type: ignore[arg-type]
    lesion = load_mask(known.index.samples[trial.row], (shown.before.shape[1], shown.before.shape[0]))
    assert lesion is not None  # every scene has a mask
    return float(changed(shown.before, shown.rendering.inserted)[lesion].mean())


if __name__ == "__main__":
    main()
