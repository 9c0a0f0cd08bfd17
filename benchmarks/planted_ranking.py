"""Rank models by the effect that an audit measures, and by their true effect.

    python benchmarks/planted_ranking.py --artefacts ruler ink band_aid --json docs/results/planted_ranking.json

For each artefact, models are trained with it planted at eight strengths (the gap between its rates in melanoma and
benign training images), five seeds each. The audit (`auditlens.audit` with a spec that has this artefact alone) puts
the tool's own drawing into images of other seeds. The true effect is the mean change of P(melanoma) when the testbed's
own renderer, that of the training images, which the audit never sees, puts the artefact into scenes of yet another
seed. A model that is finished is not run again: a run that was cut off goes on. The table that it prints stands in
docs/qualification.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import cache
from pathlib import Path

ARTEFACTS = ("ruler", "ink", "band_aid", "hair", "red_skin", "dark_corner")
STRENGTHS = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.98)
"""Rate in melanoma minus rate in benign images; the mean of both rates is one half."""
N_SEEDS = 5
FIRST_SEED = 7000
AUDIT_SEED, TRUTH_SEED = 8123, 96_000
N_TRAIN = 1300
KINDS = ("raw", "beyond")


def run_model(artefact: str, strength: float, seed: int, out: Path) -> dict:
    """Train one model, audit it, measure its truth; returns (and keeps) its row."""
    weights = weights_of(artefact, strength, seed - FIRST_SEED, out)
    kept = out / f"{weights.stem}.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    origin = train(artefact, strength, seed, weights)
    row = {"artefact": artefact, "strength": strength, "seed": seed}
    row |= {"true": true_effect(weights, artefact), **audited(artefact, weights, origin.threshold, out)}
    kept.write_text(json.dumps(row, indent=1, sort_keys=True))
    return row


def weights_of(artefact: str, strength: float, number: int, out: Path) -> Path:
    """Where the weights of one model lie."""
    return out / "weights" / f"{artefact}-{round(100 * strength):02d}-{FIRST_SEED + number}.safetensors"


def train(artefact: str, strength: float, seed: int, weights: Path):
    """Train one classifier as the testbed does, unless its weights are there; models of a seed share their scenes."""
    import numpy as np
    import torch

    from auditlens.testbed import train as testbed
    from auditlens.testbed.measure import labels, operating_threshold
    from auditlens.testbed.weights_io import Origin, read_origin, save_classifier

    if not weights.is_file():
        weights.parent.mkdir(parents=True, exist_ok=True)
        rates = testbed.Rates(artefact, 0.5 + strength / 2, 0.5 - strength / 2)
        bare = training_scenes(seed)
        pixels = testbed._with_artefacts(bare, rates, seed)
        model = testbed.fit(pixels, torch.from_numpy(labels(bare).astype(np.int64)), seed=seed)
        threshold = operating_threshold(model, seed, 200)
        origin = Origin(seed, artefact, rates.melanoma, rates.benign, N_TRAIN, testbed.EPOCHS, threshold)
        save_classifier(model, origin, weights)
    return read_origin(weights)


@cache
def training_scenes(seed: int) -> list:
    """Scenes of one seed, without artefacts."""
    from auditlens.testbed.train import bare_scenes

    return bare_scenes(seed, N_TRAIN)


@cache
def truth_scenes() -> list:
    """Scenes that the true effect is measured on."""
    from auditlens.testbed.scenes import scenes

    return list(scenes(n=400, seed=TRUTH_SEED, artefact_rates={}))


def true_effect(weights: Path, artefact: str) -> list[float]:
    """Mean change of P(melanoma) by the testbed's renderer over 400 scenes, and its standard error."""
    from auditlens.testbed.measure import insertion_effect
    from auditlens.testbed.weights_io import load_classifier

    found = insertion_effect(load_classifier(weights), truth_scenes(), artefact, TRUTH_SEED)
    return [found.mean, found.standard_error]


def audited(artefact: str, weights: Path, threshold: float, out: Path) -> dict:
    """Effect on P(melanoma) over all images as an audit reports it, raw and beyond the sham, with 95 % intervals."""
    import yaml

    import auditlens

    spec = out / "specs" / f"{weights.stem}.yaml"
    spec.parent.mkdir(parents=True, exist_ok=True)
    spec.write_text(yaml.safe_dump(document(artefact, weights, threshold), sort_keys=False))
    record = auditlens.audit(
        spec, out=out / "runs" / weights.stem, store=out / "store", device="cpu", threads=1, reports=False
    )
    finding = next(row for row in record.findings.artefacts if row.artefact == artefact)
    effect = next(row for row in finding.effects if row.scale == "probability" and row.true_class is None)
    found = {kind: getattr(effect, kind) for kind in KINDS}
    return {kind: [one.value, one.low, one.high] for kind, one in found.items()} | {
        "auroc": record.findings.performance.auroc.value
    }


def document(artefact: str, weights: Path, threshold: float) -> dict:
    """A spec with one artefact and no foundation model: the insertion test alone."""
    return {
        "auditlens": 1,
        "audit": {"id": f"RANK-{weights.stem}"},
        "include": ["auditlens/artefacts/dermoscopy"],
        "model": {
            "architecture": "python:auditlens.testbed.models:small_cnn",
            "weights": str(weights.resolve()),
            "preprocessing": {"resize": 128, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
            "classes": ["benign", "melanoma"],
        },
        "decision": {"class": "melanoma", "threshold": float(threshold), "source": "card"},
        "data": {
            "generate": {
                "factory": "auditlens.testbed.scenes:write_dermoscopy",
                "arguments": {"n": 500, "seed": AUDIT_SEED},
            },
            "unit": "patient",
        },
        "artefacts": {name: {"column": name} if name == artefact else None for name in library()},
        "examine": {"ablation_images": 0, "crops": "none"},
        "challenge": {"response_images": 0, "n_pairs": 0},
        "gates": {"effect": {"metric": "effect_minus_sham", "artefact": artefact, "limit": "within 0.15"}},
    }


def library() -> list[str]:
    """Names in the artefact library of dermoscopy."""
    import yaml

    import auditlens

    text = Path(auditlens.__file__).parent / "spec" / "library" / "artefacts" / "dermoscopy.yaml"
    return list(yaml.safe_load(text.read_text())["artefacts"])


def table(rows: list[dict]) -> str:
    """Medians over the seeds and rank correlations, as Markdown."""
    lines = [
        "| artefact | models | Spearman of the medians, raw effect | beyond the sham | of all models, raw | beyond |"
    ]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    own = {artefact: [row for row in rows if row["artefact"] == artefact] for artefact in ARTEFACTS}
    own = {artefact: found for artefact, found in own.items() if found}
    for artefact, found in own.items():
        cells = [f"{rank_correlation(medians(found), kind):.3f}" for kind in KINDS]
        cells += [f"{rank_correlation(singles(found), kind):.3f}" for kind in KINDS]
        lines.append(f"| {artefact} | {len(found)} | {' | '.join(cells)} |")
    lines += ["", "Medians over the seeds, by strength: true effect / measured / measured beyond the sham.", ""]
    lines += ["| artefact | " + " | ".join(f"{strength:g}" for strength in STRENGTHS) + " |"]
    lines += ["| --- " * (len(STRENGTHS) + 1) + "|"]
    for artefact, found in own.items():
        cells = [f"{point['true']:+.3f} / {point['raw']:+.3f} / {point['beyond']:+.3f}" for point in medians(found)]
        lines.append(f"| {artefact} | {' | '.join(cells)} |")
    return "\n".join(lines)


def singles(rows: list[dict]) -> list[dict]:
    """Values of every model."""
    return [{kind: row[kind][0] for kind in ("true", *KINDS)} for row in rows]


def medians(rows: list[dict]) -> list[dict]:
    """Medians over the seeds of each strength."""
    import numpy as np

    return [
        {
            kind: float(np.median([row[kind][0] for row in rows if row["strength"] == strength]))
            for kind in ("true", *KINDS)
        }
        for strength in sorted({row["strength"] for row in rows})
    ]


def rank_correlation(points: list[dict], kind: str) -> float:
    """Spearman's rank correlation of measured with true effects."""
    from scipy.stats import spearmanr

    return float(spearmanr([point["true"] for point in points], [point[kind] for point in points]).statistic)


def plot(rows: list[dict], path: Path) -> None:
    """Draw measured against true effects, a point a model, as a PNG."""
    import altair as alt
    import pandas as pd

    frame = pd.DataFrame(
        [{"artefact": row["artefact"], "true": row["true"][0], "measured": row["beyond"][0]} for row in rows]
    )
    points = alt.Chart().mark_circle(size=42, opacity=0.75, color="#1f5fa8").encode(
        alt.X("true:Q", title="True effect on P(melanoma)"),
        alt.Y("measured:Q", title="Measured beyond the sham"),
    )  # fmt: skip
    line = alt.Chart(pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})).mark_line(color="#c3c9d0").encode(x="x", y="y")
    chart = alt.layer(line, points, data=frame).properties(width=230, height=210).facet(
        facet=alt.Facet("artefact:N", title=None), columns=3
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(str(path), scale_factor=1.5)


def main() -> int:
    """Run what is not there yet, print the table, keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artefacts", nargs="+", choices=ARTEFACTS, default=list(ARTEFACTS))
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--out", type=Path, default=Path("build/ranking"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="PNG of measured against true effects")
    parser.add_argument("--train-only", action="store_true", help="train what is missing, audit nothing yet")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(options.seeds):
        for artefact in options.artefacts:
            for strength in STRENGTHS:
                if options.train_only:
                    train(artefact, strength, FIRST_SEED + number, weights_of(artefact, strength, number, options.out))
                    continue
                rows.append(run_model(artefact, strength, FIRST_SEED + number, options.out))
                print(json.dumps(rows[-1], sort_keys=True), file=sys.stderr, flush=True)
    if options.train_only:
        return 0
    text = table(rows)
    print(text)
    if options.plot:
        plot(rows, options.plot)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"rows": rows, "table": text}, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
