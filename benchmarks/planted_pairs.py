"""Plant shortcuts in freshly trained models, audit them and their clean twins, and count the verdicts.

    python benchmarks/planted_pairs.py --pairs 30 --out build/pairs --json docs/results/planted_pairs.json

Each pair has a seed of its own and the artefacts take turns. A pair that is finished is not run again: a run that was
cut off goes on. `--workers` runs pairs side by side. The table that it prints stands in docs/qualification.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

FIRST_SEED = 5000
ARTEFACTS = ("ruler", "band_aid", "hair", "ink", "red_skin", "dark_corner")
N_TRAIN = 1300
CHANGES = {
    "examine": {"n_examples": 12, "max_components": 6},
    "challenge": {"max_images_per_class": 110},
}
"""What differs from the demonstration's spec: fewer crops and images, so that thirty pairs take an hour."""
STATES = ("fails", "holds", "inconclusive", "not evaluated")


def run_pair(number: int, out: Path) -> dict:
    """Train and audit one pair; returns (and keeps) its row."""
    kept = out / f"pair{number:03d}.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    import torch

    torch.set_num_threads(1)
    from auditlens.qualify.pairs import audit_pair

    artefact, seed = ARTEFACTS[number % len(ARTEFACTS)], FIRST_SEED + number
    folder = out / f"pair{number:03d}"
    pair = audit_pair(
        folder, seed=seed, artefact=artefact, store=folder / "store", reports=False, n_train=N_TRAIN, changes=CHANGES
    )
    row = {"number": number, "seed": seed, "artefact": artefact}
    for name, record in (("planted", pair.planted), ("clean", pair.clean)):
        row[name] = {
            "overall": overall(record),
            "exit_code": int(record.verdict.exit_code),
            "gates": {result.gate.id: str(result.state) for result in record.verdict.gates},
            "planted_artefact": worst_state(record, artefact),
            "effect": effect_of(record, artefact),
            "true_effect": true_effect(folder / "models" / f"{name}.safetensors", artefact, seed),
            "auroc": record.findings.performance.auroc.value,
            "labelled_share": labelled_share(record, artefact),
        }
    kept.write_text(json.dumps(row, indent=1, sort_keys=True))
    shutil.rmtree(folder / "store")
    return row


def overall(record) -> str:
    """The whole verdict in one word, by the gates of severity error."""
    return {0: "holds", 1: "fails", 3: "inconclusive"}[int(record.verdict.exit_code)]


def worst_state(record, artefact: str) -> str:
    """Worst state among the gates of one artefact."""
    states = {str(result.state) for result in record.verdict.gates if result.gate.artefact == artefact}
    return next(state for state in ("fails", "not evaluated", "inconclusive", "holds") if state in states)


def effect_of(record, artefact: str) -> list[float | None]:
    """The audit's own effect on P(melanoma), beyond the sham, with its 95 % interval."""
    finding = next(row for row in record.findings.artefacts if row.artefact == artefact)
    effect = next(row for row in finding.effects if row.scale == "probability" and row.true_class is None)
    return [effect.beyond.value, effect.beyond.low, effect.beyond.high]


def true_effect(weights: Path, artefact: str, seed: int) -> float:
    """Mean change on benign test scenes by the testbed's own renderer, which the audit never sees."""
    from auditlens.testbed.measure import insertion_effect
    from auditlens.testbed.scenes import scenes
    from auditlens.testbed.weights_io import load_classifier

    bare = [scene for scene in scenes(n=300, seed=90_000 + seed, artefact_rates={}) if not scene.melanoma]
    return insertion_effect(load_classifier(weights), bare, artefact, seed).mean


def labelled_share(record, artefact: str) -> float:
    """Share of relevance on components labelled with the artefact."""
    share = record.findings.classes[0].share_by_concept.get(artefact)
    return share.value if share is not None else 0.0


def table(rows: list[dict]) -> str:
    """Counts with exact 95 % intervals, as Markdown."""
    lines = [
        f"{len(rows)} pairs, seeds {min(r['seed'] for r in rows)} to {max(r['seed'] for r in rows)}.",
        "",
        "| models | judged by | n | fails | holds | inconclusive or not evaluated |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, what in (("planted", "planted"), ("clean", "clean twin")):
        for key, words in (("overall", "all gates"), ("planted_artefact", "the planted artefact's gates")):
            states = [row[name][key] for row in rows]
            cells = [counted(states, ("fails",)), counted(states, ("holds",)), counted(states, STATES[2:])]
            lines.append(f"| {what} | {words} | {len(states)} | {' | '.join(cells)} |")
    lines += ["", "| artefact | pairs | planted fails | clean twin holds | true effect, planted | true effect, clean |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for artefact in ARTEFACTS:
        own = [row for row in rows if row["artefact"] == artefact]
        if own:
            lines.append(by_artefact(artefact, own))
    return "\n".join(lines)


def by_artefact(artefact: str, rows: list[dict]) -> str:
    """One line of the second table."""
    fails = sum(row["planted"]["planted_artefact"] == "fails" for row in rows)
    holds = sum(row["clean"]["planted_artefact"] == "holds" for row in rows)
    effects = [span([row[name]["true_effect"] for row in rows]) for name in ("planted", "clean")]
    return f"| {artefact} | {len(rows)} | {fails} | {holds} | {effects[0]} | {effects[1]} |"


def span(values: list[float]) -> str:
    """Smallest and largest."""
    return f"{min(values):+.3f} to {max(values):+.3f}"


def counted(states: list[str], wanted: tuple[str, ...]) -> str:
    """Such as `28 (93 %; 78 to 99)`: Clopper-Pearson, two-sided 95 %."""
    from scipy.stats import beta

    k, n = sum(state in wanted for state in states), len(states)
    low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
    high = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
    return f"{k} ({100 * k / n:.0f} %; {100 * low:.0f} to {100 * high:.0f})"


def main() -> int:
    """Run what is not there yet, print the table, keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--first", type=int, default=0, help="number of the first pair")
    parser.add_argument("--out", type=Path, default=Path("build/pairs"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = {
            pool.submit(run_pair, number, options.out): number
            for number in range(options.first, options.first + options.pairs)
        }
        for job in as_completed(jobs):
            rows.append(job.result())
            row = rows[-1]
            print(f"{len(rows)}/{options.pairs} {row['artefact']} {row['seed']}: planted {row['planted']['overall']}, "
                  f"clean {row['clean']['overall']}", file=sys.stderr, flush=True)  # fmt: skip
    rows.sort(key=lambda row: row["number"])
    text = table(rows)
    print(text)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"rows": rows, "table": text}, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
