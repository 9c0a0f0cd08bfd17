"""How well do probes made from a labelled column tell the flag, beside the words, and what would a random flag get?

    python benchmarks/column_probes.py tests/realdata/nevus.yaml

AUROC within strata, of the words' probe, and of the column's mean embedding and of its activation vector,
each out of fold and on the images that made it; and the best AUROC that the out-of-fold scores have for another flag.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from auditlens.findings.statistics import auroc
from auditlens.gather.context import Context
from auditlens.gather.space import semantic_space
from auditlens.plan.selection import EVERYTHING, choose
from auditlens.semantics.columns import Kind, column_probe
from auditlens.spec.load import load_spec
from auditlens.stages.evidence import Floats, Samples
from auditlens.steps.load import load
from auditlens.steps.machine import Machine

KINDS: tuple[Kind, ...] = ("mean", "cav")
RATES = (0.02, 0.1, 0.5)
N_RANDOM = 40


def main() -> int:
    """Print one row per flag, and one per rate of random flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--store", type=Path)
    options = parser.parse_args()
    loaded = load_spec(options.spec)
    context = load(choose(loaded, EVERYTHING), Machine("cpu", options.store))
    space = semantic_space(context, {})
    words = {
        concept.flag: space.probes[name].scores(space.image_embeddings, space.null)
        for name, concept in loaded.spec.concepts.items()
        if concept.flag is not None and concept.texts
    }
    print("| flag | base rate | words | mean (in-sample) | rival | cav (in-sample) | rival |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for flag, scores in words.items():
        cells = [by_kind(context, space.image_embeddings, flag, kind, list(words)) for kind in KINDS]
        base = np.nanmean(context.samples.columns[flag] > 0.5)
        print(f"| {flag} | {base:.2f} | {area(context.samples, scores, flag):.3f} | {' | '.join(cells)} |")
    print("\n| random flags at | mean: AUROC, sd | cav: AUROC, sd |\n| --- | --- | --- |")
    for rate in RATES:
        print(f"| {rate:g} | {' | '.join(random_flags(context.samples, space.image_embeddings, rate))} |")
    return 0


def area(samples: Samples, scores: Floats, flag: str) -> float:
    """AUROC of scores for a flag, within strata."""
    known = ~np.isnan(samples.columns[flag]) & ~np.isnan(scores)
    positives = samples.columns[flag][known] > 0.5
    strata = samples.strata_for(flag)[known]
    return auroc(scores[known], positives, samples.units[known], strata=strata).value or float("nan")


def by_kind(context: Context, embeddings: Floats, flag: str, kind: Kind, flags: list[str]) -> str:
    """Cells of one kind of probe: out of fold, on its own images, and the best other flag."""
    probe, why = column_probe(flag, embeddings, context.samples, flag, kind, context.spec.seed)
    if probe is None:
        return f"{why} | -"
    inside = area(context.samples, probe.scores(embeddings, probe.vector), flag)
    best, name = max((area(context.samples, probe.out_of_fold, other), other) for other in flags if other != flag)
    return f"{area(context.samples, probe.out_of_fold, flag):.3f} ({inside:.3f}) | {name} {best:.3f}"


def random_flags(samples: Samples, embeddings: Floats, rate: float) -> list[str]:
    """Mean and sd of the out-of-fold AUROC over flags that mean nothing."""
    cells = []
    for kind in KINDS:
        found = []
        for draw in range(N_RANDOM):
            flags = (np.random.default_rng(draw).random(len(embeddings)) < rate).astype(float)
            noise = replace(samples, columns={"noise": flags})
            probe, _ = column_probe("noise", embeddings, noise, "noise", kind, draw)
            if probe is not None:
                found.append(area(noise, probe.out_of_fold, "noise"))
        cells.append(f"{np.mean(found):.3f}, {np.std(found):.3f}")
    return cells


if __name__ == "__main__":
    sys.exit(main())
