"""Do the labels of components agree with what people flagged, for rare and for frequent concepts?

    python benchmarks/labels_against_flags.py tests/realdata/nevus.yaml

Every component of the last layer is labelled from its most activating whole images, by several rules, and compared with
the flags that people set on those images. `enriched`: flagged share in standard deviations above the base rate.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from auditlens.findings.alignment import alignments
from auditlens.findings.labels import whole_image_examples
from auditlens.gather.behaviour import clean_pass
from auditlens.gather.space import semantic_space
from auditlens.plan.selection import EVERYTHING, choose
from auditlens.spec.load import load_spec
from auditlens.steps.load import load
from auditlens.steps.machine import Machine

Z = 3.0


def main() -> int:
    """Print one table per rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--store", type=Path)
    options = parser.parse_args()
    loaded = load_spec(options.spec)
    context = load(choose(loaded, EVERYTHING), Machine("cpu", options.store))
    _, examples = clean_pass(context)
    space = semantic_space(context, {})
    layer = list(examples.values())[-1]
    whole = whole_image_examples(layer, space, loaded.spec.examine.n_examples)
    columns = {name: concept.column for name, concept in loaded.spec.concepts.items() if concept.column}
    flags = np.stack([context.samples.columns[column] > 0.5 for column in columns.values()], axis=1)
    base = flags.mean(axis=0)
    shares = flags[whole.image_indices].mean(axis=1)
    enriched = (shares - base) / np.sqrt(base * (1 - base) / whole.image_indices.shape[1])
    rules = (
        ("probe alone", {}, False),
        ("probe and column", columns, False),
        ("probe, column and veto", columns, True),
    )
    for title, used, veto in rules:
        table = alignments(whole, space, context.samples, used, seed=1, threshold=Z, n_resampled=0)
        places = [table.concepts.index(name) for name in columns]
        z = table.eligible_z() if veto else table.z
        print(report(title, list(columns), base, enriched, z[:, places]))
    print(report("the paper's rule, a > 0.025", list(columns), base, enriched, table.raw[:, places] / 0.025 * Z))
    return 0


def report(title: str, names: list[str], base: np.ndarray, enriched: np.ndarray, z: np.ndarray) -> str:
    """One rule as Markdown."""
    label = np.where(z.max(axis=1) > Z, z.argmax(axis=1), -1)
    has = np.flatnonzero(label >= 0)
    agree = np.mean(label[has] == enriched[has].argmax(axis=1)) if has.size else float("nan")
    on_flags = np.mean(enriched[has, label[has]] > 2) if has.size else float("nan")
    lines = [
        f"\n**{title}**: {100 * len(has) / len(z):.0f} % of {len(z)} components labelled; {100 * on_flags:.0f} % of "
        f"the labels stand on images that people flagged clearly more often (z > 2); {100 * agree:.0f} % name the most "
        "enriched flag.\n",
        "| concept | base rate | labelled | enriched (z > 3) | of those, z passes |",
        "| --- | --- | --- | --- | --- |",
    ]
    for place, name in enumerate(names):
        truth = enriched[:, place] > 3
        found = int(((z[:, place] > Z) & truth).sum())
        share = f"{100 * found / truth.sum():.0f} %" if truth.any() else "-"
        lines.append(f"| {name} | {base[place]:.2f} | {int((label == place).sum())} | {int(truth.sum())} | {share} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
