"""One planted shortcut in a model of every family: does the same audit find it, and may its relevance be believed.

    python benchmarks/families.py --out build/families --json docs/results/families.json

For each family a model is trained on the testbed with a planted artefact (`--train-only` stops there; what is trained
is kept). The demonstration's spec then audits it with another `model.architecture` and nothing else changed. The table
that it prints stands in docs/relevance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
MARKS = "<!-- planted -->", "<!-- /planted -->"
SEED = 7100
ARTEFACT = "band_aid"
AUDIT_SEED, N_IMAGES = 8100, 400
CHANGES = {
    "examine": {"n_examples": 12, "max_components": 16},
    "challenge": {"max_images_per_class": 90},
}
"""What differs from the demonstration's spec for every family alike: fewer crops and images."""
FAMILIES = {
    "squeezenet1_1": ("torchvision:squeezenet1_1", {}, 3e-4, 2000, 10),
    "resnet18": ("torchvision:resnet18", {}, 1e-3, 1400, 4),
    "vgg11_bn": ("python:thin_vgg:thin_vgg11_bn", {}, 1e-3, 2000, 8),
    "convnext": ("timm:convnext_atto", {}, 2e-3, 1600, 10),
    "vit": ("timm:vit_tiny_patch16_224", {"embed_dim": 96, "depth": 6, "num_heads": 3}, 1e-3, 2000, 12),
    "swin": ("timm:swin_tiny_patch4_window7_224",
             {"patch_size": 8, "window_size": 4, "embed_dim": 64, "depths": [2, 2, 2], "num_heads": [2, 4, 8]},
             1e-3, 1600, 8),
}  # fmt: skip
"""Architecture, arguments, highest learning rate, images, epochs: a small member of each family, for two cores."""


def train(name: str, folder: Path) -> Path:
    """Train a model of the family with the planted artefact, unless the folder holds it."""
    weights = folder / f"{name}.safetensors"
    if weights.is_file():
        return weights
    import torch

    from auditlens.subject.architectures import build
    from auditlens.testbed.train import train_classifier
    from auditlens.testbed.weights_io import save_classifier

    architecture, arguments, rate, n_train, epochs = FAMILIES[name]
    seed = SEED + list(FAMILIES).index(name)
    started = time.monotonic()

    def network() -> torch.nn.Module:
        sized = {"img_size": 128} if name in ("vit", "swin") else {}  # an audit derives it from the preprocessing
        return build(architecture, {**arguments, **sized}, 2, HERE)

    def tell(what: str, part: float) -> None:
        print(f"{name}: {what} {part:.0%} after {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    module, origin = train_classifier(
        seed=seed, artefact=ARTEFACT, n_train=n_train, epochs=epochs, n_evaluated=300, progress=tell,
        network=network, peak_rate=rate,
    )  # fmt: skip
    save_classifier(module, origin, weights)
    return weights


def write_spec(name: str, folder: Path, kind: str) -> Path:
    """Write a spec that builds on the demonstration's; of the model only what belongs to its weights differs."""
    import yaml

    from auditlens.spec.paths import share_folder
    from auditlens.testbed.weights_io import read_origin

    architecture, arguments, *_ = FAMILIES[name]
    weights = folder / f"{name}.safetensors"
    model = {"architecture": architecture, "reference_predictions": [], "arguments": arguments}
    model |= {"import_path": str(HERE)} if architecture.startswith("python:") else {}
    model["weights"] = str(weights.resolve()) if kind == "trained" else None
    document = {
        "auditlens": 1,
        "include": [str(share_folder("specs") / "demo_dermoscopy.yaml")],
        "audit": {"id": f"FAMILY-{name}-{kind}", "title": f"{architecture} with a planted band-aid, {kind} weights"},
        "model": model,
        "decision": {"class": "melanoma", "threshold": float(read_origin(weights).threshold), "source": "card"},
        "data": {"generate": {"arguments": {"seed": AUDIT_SEED, "n": N_IMAGES}}},
        **CHANGES,
    }
    path = folder / f"{name}_{kind}.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def audit_family(name: str, folder: Path) -> dict:
    """Audit the trained model and one with random weights; what the table says of them (kept in the folder)."""
    kept = folder / f"{name}.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    import torch

    import auditlens as al

    torch.set_num_threads(1)
    row: dict = {"family": name, "architecture": FAMILIES[name][0]}
    for kind in ("trained", "random"):
        record = al.audit(
            write_spec(name, folder, kind), out=folder / f"{name}_{kind}", store=folder / "store", device="cpu",
            threads=1, reports=kind == "trained", allow_modules=["thin_vgg"],
        )  # fmt: skip
        row[kind] = figures(record)
    row["integrated_gradients"] = completeness(folder / f"{name}_trained.yaml")
    kept.write_text(json.dumps(row, indent=1, sort_keys=True))
    return row


def figures(record) -> dict:
    """What one audit found of the planted artefact."""
    findings = record.findings
    finding = findings.classes[0]
    artefact = next(row for row in findings.artefacts if row.artefact == ARTEFACT)
    effect = next(row for row in artefact.effects if row.scale == "probability" and row.true_class is None)
    agreement = findings.ablation_agreement[0].rank_correlation
    labelled = next((r for r in findings.ablations if (r.kind, r.name) == ("label", ARTEFACT)), None)
    return {
        "layer": record.plan.model.layers[-1],
        "n_components": finding.n_components,
        "attributor": finding.attributor,
        "auroc": findings.performance.auroc.value,
        "effect": [effect.beyond.value, effect.beyond.low, effect.beyond.high],
        "gates": sorted({str(r.state) for r in record.verdict.gates if r.gate.artefact == ARTEFACT}),
        "labelled": finding.components_by_concept.get(ARTEFACT, 0),
        "labelled_share": share(finding.share_by_concept.get(ARTEFACT)),
        "n_labelled_any": sum(finding.components_by_concept.values()),
        "spurious_share": share(finding.share_by_state.get("spurious")) + share(finding.share_by_state.get("both")),
        "agreement": [agreement.value, agreement.low, agreement.high],
        "n_single": agreement.n,
        "silenced": None if labelled is None else [labelled.magnitude, labelled.random_magnitude],
    }


def share(estimate) -> float:
    """A share, zero where nothing carries it."""
    return 0.0 if estimate is None or estimate.value is None else estimate.value


def completeness(spec: Path, n: int = 32) -> dict:
    """Integrated gradients on some images: the gap between the sum of attributions and the change of the margin."""
    import torch

    from auditlens.examine.attribution.integrated_gradients import IntegratedGradients
    from auditlens.spec.load import load_spec
    from auditlens.subject import load_subject
    from auditlens.testbed.scenes import scenes

    loaded = load_spec(spec)
    subject = load_subject(loaded.spec.model, loaded.base)
    batch = torch.stack([subject.prepare(scene.image) for scene in scenes(n=n, seed=AUDIT_SEED)])
    found = IntegratedGradients(subject).completeness(batch, 1, subject.layers[-1].name)
    gaps = found.gap.abs().numpy()
    return {"median_gap": float(np.median(gaps)), "worst_gap": float(gaps.max())}


def table(rows: list[dict]) -> str:
    """Markdown."""
    head = (
        "| family | layer | attributor | AUROC | planted: effect beyond sham | its gates | labelled band-aid, "
        "relevance | silenced: change of the margin (random) | rank correlation of relevance with silencing | "
        "IG: gap of completeness | random weights: effect, labelled, relevance |"
    )
    lines = [head, "| --- " * 11 + "|"]
    for row in rows:
        own, random, gaps = row["trained"], row["random"], row["integrated_gradients"]
        silenced = own["silenced"]
        cells = [
            row["architecture"],
            f"{own['layer']} ({own['n_components']})",
            own["attributor"],
            f"{own['auroc']:.2f}",
            span(own["effect"]),
            ", ".join(own["gates"]),
            f"{own['labelled']}, {own['labelled_share']:.1%}",
            "none" if silenced is None else pair(silenced),
            f"{span(own['agreement'])} over {own['n_single']}",
            f"{gaps['median_gap']:.1e}, worst {gaps['worst_gap']:.1e}",
            f"{random['effect'][0]:+.3f}, {random['labelled']}, {random['labelled_share']:.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def span(found: list) -> str:
    """Value and interval."""
    return f"{found[0]:+.2f} ({found[1]:+.2f} to {found[2]:+.2f})"


def pair(found: list) -> str:
    """A group's own figure, and that of random groups."""
    return f"{found[0]:.2f}" + ("" if found[1] is None else f" ({found[1]:.2f})")


def main() -> int:
    """Train what is missing, audit each, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/families"))
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--train-only", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--docs", type=Path, help="put the table between its marks in this page")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.families:
        train(name, options.out)
    if options.train_only:
        return 0
    rows = [audit_family(name, options.out) for name in options.families]
    print(table(rows))
    if options.docs:
        text = options.docs.read_text(encoding="utf-8")
        before, after = text.split(MARKS[0])[0], text.split(MARKS[1])[1]
        options.docs.write_text(f"{before}{MARKS[0]}\n{table(rows)}\n{MARKS[1]}{after}", encoding="utf-8")
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "table": table(rows)}, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
