"""Vanilla, pruned and retrained side by side: the comparison of the paper's Fig. 4d, where the truth is known.

    python benchmarks/corrected.py --out /tmp/corrected

trains a classifier of the testbed with a planted artefact and audits it; prunes the components that the audit calls
spurious (`auditlens prune`); retrains by the same recipe, once on artefact-augmented copies of the same training images
(`auditlens augment`), and once, as the paper did, on such copies of the images that do not carry the artefact. All four
are audited with the demonstration's spec and compared (`auditlens compare`). The augmentation and the audit draw
artefacts with the audit's renderers; the true effect of each model is measured with the testbed's own, on other images.

Training is short, on one thread. What is there already in the folder is not made again.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image
from torch import Tensor, nn

from auditlens import api
from auditlens.augment.copies import MANIFEST, augment_folder
from auditlens.cli.compare import plain_comparison
from auditlens.correct.prune import prune
from auditlens.report.comparison import compare
from auditlens.spec.load import load_spec
from auditlens.spec.paths import share_folder
from auditlens.subject import load_subject
from auditlens.testbed.measure import Effect, as_batch, insertion_effect, operating_threshold
from auditlens.testbed.models import CLASSES
from auditlens.testbed.scenes import ARTEFACTS, Scene, artefact_stream, place_artefacts, scenes
from auditlens.testbed.train import RATE_IN, RATE_OUT, Rates, bare_scenes, fit
from auditlens.testbed.weights_io import Origin, load_classifier, read_origin, save_classifier

N_VALIDATION = 400
AUDIT_SEED = 2000
TRUTH_SEED = 4000
MODELS = ("vanilla", "pruned", "retrained", "removed")
"""`removed`: retrained on copies of the training images without the planted artefact."""


def main() -> None:
    """Make the three models, audit them, and print the comparison with the true effects."""
    given = _arguments()
    torch.set_num_threads(1)
    out: Path = given.out
    out.mkdir(parents=True, exist_ok=True)
    _train_vanilla(out, given)
    specs = {"vanilla": _written_spec(out, "vanilla", given)}
    _audit(specs["vanilla"], out / "vanilla", out)
    specs["pruned"] = _prune(out, given)
    _audit(specs["pruned"], out / "pruned", out)
    for name in ("retrained", "removed"):
        _retrain(out, name, specs["vanilla"], given)
        specs[name] = _written_spec(out, name, given)
        _audit(specs[name], out / name, out)
    comparison = compare([out / name for name in MODELS], names=MODELS, out=out / "compare")
    print("\n".join(plain_comparison(comparison)))
    _print_truth(out, specs, given)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("reports/corrected"))
    parser.add_argument("--artefact", choices=list(ARTEFACTS), default="ruler")
    parser.add_argument("--direction", choices=["melanoma", "benign"], default="melanoma")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--n-train", type=int, default=1600)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--n-audit", type=int, default=300, help="images of each audit")
    parser.add_argument("--n-trials", type=int, default=80, help="images per class and artefact")
    parser.add_argument("--n-truth", type=int, default=400, help="bare scenes for the true effects")
    parser.add_argument("--probability", type=float, default=0.5, help="rate of the augmentation")
    parser.add_argument("--copies", type=int, default=1, help="copies of each training image that stand in for it")
    return parser.parse_args()


def _train_vanilla(out: Path, given: argparse.Namespace) -> None:
    """Write the planted training images as a folder with a subfolder per class, and train on them."""
    weights = out / "vanilla.safetensors"
    if weights.is_file():
        return
    rates = _rates(given)
    for index, bare in enumerate(bare_scenes(given.seed, given.n_train)):
        scene = place_artefacts(bare, rates.of(bare), "train", given.seed, index)
        place = out / "training" / CLASSES[scene.melanoma] / f"{index:05d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(scene.image).save(place, compress_level=1)
    files = sorted((out / "training").rglob("*.png"))
    _train(weights, files, [file.parent.name for file in files], rates, given)


def _retrain(out: Path, name: str, spec: Path, given: argparse.Namespace) -> None:
    """Train anew, by the same recipe, on copies of the training images with the audit's artefacts."""
    weights = out / f"{name}.safetensors"
    if weights.is_file():
        return
    source = out / "training" if name == "retrained" else _without_artefact(out, given)
    copies = out / f"augmented_{name}"
    if not copies.exists():
        written = augment_folder(
            source, spec, copies, probability=given.probability, copies=given.copies, seed=given.seed
        )
        for label, n in written.n_of.items():
            print(f"{name}: {label} {written.n_with[label]} of {n} copies with an artefact", flush=True)
    with (copies / MANIFEST).open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    _train(weights, [copies / row["file"] for row in rows], [row["label"] for row in rows], _rates(given), given)


def _without_artefact(out: Path, given: argparse.Namespace) -> Path:
    """Copy the training images that do not carry the planted artefact, which a team would find by looking."""
    folder = out / "without"
    for file in sorted((out / "training").rglob("*.png")):
        if not _carries(file, given):
            place = folder / file.parent.name / file.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    return folder


def _carries(file: Path, given: argparse.Namespace) -> bool:
    """Whether the planted artefact was put into a training image: the first number of its stream decides."""
    rates = _rates(given)
    rate = rates.melanoma if file.parent.name == "melanoma" else rates.benign
    return bool(artefact_stream("train", given.artefact, given.seed, int(file.stem)).random() < rate)


def _rates(given: argparse.Namespace) -> Rates:
    return Rates.planted(given.artefact, given.direction, RATE_IN, RATE_OUT)


def _train(
    weights: Path, files: Sequence[Path], labels: Sequence[str], rates: Rates, given: argparse.Namespace
) -> None:
    """Train one model, with its own operating threshold by the same rule on the same validation images.

    The passes are so many that every model takes about as many steps.
    """
    pixels = as_batch(np.asarray(Image.open(file)) for file in files)
    truth = torch.tensor([CLASSES.index(label) for label in labels])
    epochs = max(1, round(given.epochs * given.n_train / len(files)))
    model = fit(pixels, truth, seed=given.seed, epochs=epochs)
    threshold = operating_threshold(model, given.seed, N_VALIDATION)
    origin = Origin(given.seed, given.artefact, rates.melanoma, rates.benign, len(files), epochs, threshold)
    save_classifier(model, origin, weights)


def _written_spec(out: Path, name: str, given: argparse.Namespace) -> Path:
    threshold = float(read_origin(out / f"{name}.safetensors").threshold)
    document = {
        "auditlens": 1,
        "include": [str(share_folder("specs") / "demo_dermoscopy.yaml")],
        "audit": {"id": f"CORRECTED-{name}", "title": f"Planted {given.artefact.replace('_', ' ')}: {name}"},
        "model": {"weights": f"{name}.safetensors", "reference_predictions": []},
        "decision": {"class": "melanoma", "threshold": threshold, "source": "Youden's index on validation images"},
        "data": {"generate": {"arguments": {"n": given.n_audit, "seed": AUDIT_SEED}}},
        "challenge": {"max_images_per_class": given.n_trials},
    }
    spec = out / f"{name}.yaml"
    spec.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return spec


def _prune(out: Path, given: argparse.Namespace) -> Path:
    """Silence what the audit calls spurious, and give the pruned model an operating point of its own."""
    made = prune(out / "vanilla", spurious="melanoma", out=out / "cut", audit_again=False, store=out / "store")
    print(f"pruned: {', '.join(row.id for row in made.pruned.components)}")
    spec = out / "pruned.yaml"
    document = {
        "auditlens": 1,
        "include": [str(made.spec)],
        "audit": {"id": "CORRECTED-pruned", "title": f"Planted {given.artefact.replace('_', ' ')}: pruned"},
        "decision": {"threshold": 0.5},
    }
    spec.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    document["decision"] = {
        "threshold": operating_threshold(_Answering(spec), given.seed, N_VALIDATION),
        "source": "Youden's index on validation images",
    }
    spec.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return spec


class _Answering(nn.Module):
    """The model of a spec as the testbed's measures want it: normalised images in, logits out."""

    def __init__(self, spec: Path) -> None:
        super().__init__()
        loaded = load_spec(spec)
        self.subject = load_subject(loaded.spec.model, loaded.base, "cpu")
        self.anchor = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, batch: Tensor) -> Tensor:
        """Answer a batch."""
        return self.subject.logits(batch)


def _audit(spec: Path, run: Path, out: Path) -> None:
    if not (run / "record.json").is_file():
        api.audit(spec, out=run, store=out / "store", device="cpu", threads=1)


def _print_truth(out: Path, specs: dict[str, Path], given: argparse.Namespace) -> None:
    """Print the true effect of every artefact on benign and on melanoma scenes, with the testbed's own renderers."""
    bare = list(scenes(n=given.n_truth, seed=TRUTH_SEED, artefact_rates={}))
    models = {name: _module(out, name, specs[name]) for name in MODELS}
    sides: dict[str, list[Scene]] = {
        "benign": [scene for scene in bare if not scene.melanoma],
        "melanoma": [scene for scene in bare if scene.melanoma],
    }
    truth: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    print("True change of P(melanoma), testbed's renderers (standard error)")
    print("".ljust(26) + "".join(name.ljust(20) for name in MODELS))
    for artefact in ARTEFACTS:
        for side, chosen in sides.items():
            effects = {name: insertion_effect(model, chosen, artefact, TRUTH_SEED) for name, model in models.items()}
            truth.setdefault(artefact, {})[side] = {name: asdict(effect) for name, effect in effects.items()}
            print(f"{artefact}, {side}".ljust(26) + "".join(_told(effect).ljust(20) for effect in effects.values()))
    (out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


def _module(out: Path, name: str, spec: Path) -> nn.Module:
    return _Answering(spec) if name == "pruned" else load_classifier(out / f"{name}.safetensors")


def _told(effect: Effect) -> str:
    return f"{effect.mean:+.3f} ({effect.standard_error:.3f})"


if __name__ == "__main__":
    main()
