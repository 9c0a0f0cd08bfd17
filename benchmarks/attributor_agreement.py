"""Do relevances foretell what the margin loses when components go? Every attributor that fits, on an audited model.

    python benchmarks/attributor_agreement.py SPEC [--layers NAME ...] [--images 8] [--components 32] [--var NAME=VALUE]

Prints, per layer and attributor, the mean over images of the Spearman correlation over components: of |relevance| with
|drop|, and of relevance R with drop, both signed; and the mean drop when each image loses the tenth of its components
that push most towards the class. For integrated gradients also the median gap of completeness.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

from auditlens.data.index import read_index
from auditlens.errors import ModelError
from auditlens.examine.agreement import ablation_agreement, drop_without_most_relevant
from auditlens.examine.attribution.choice import ATTRIBUTORS, choose
from auditlens.examine.attribution.integrated_gradients import IntegratedGradients
from auditlens.examine.audited import input_batches
from auditlens.spec.load import load_spec
from auditlens.store import Store
from auditlens.subject import load_subject

SEED = 0
HEAD = ("layer", "components", "attributor", "sizes of R and drop", "R and drop", "drop without a tenth", "IG: gap")


def rows(given: argparse.Namespace):
    """One row per layer and attributor."""
    layers, n_images, n_components, class_index = given.layers, given.images, given.components, given.class_index
    loaded = load_spec(given.spec, dict(text.split("=", 1) for text in given.var))
    model = loaded.spec.model
    subject = load_subject(model.model_copy(update={"layers": tuple(layers)}) if layers else model, loaded.base)
    with tempfile.TemporaryDirectory() as folder:  # generated images lie there
        index = read_index(loaded.spec.data, loaded.base, subject.classes, Store(Path(folder)))
        chosen = np.sort(np.random.default_rng(SEED).choice(len(index), min(n_images, len(index)), replace=False))
        batches = [inputs for _, inputs in input_batches(subject, index, chosen, n_images)]
    auto = choose(subject)[0].name
    for layer in subject.layers:
        for name in ATTRIBUTORS:
            try:
                attributor, _ = choose(subject, name)
            except ModelError:
                continue
            found = ablation_agreement(subject, attributor, batches, class_index, layer.name, n_components, SEED)
            signed = float(np.nanmean(found.of_sign_and_size))
            mark = f"`{name}`{' (auto)' if name == auto else ''}"
            tenth = np.mean([lost(subject, attributor, batch, class_index, layer) for batch in batches])
            shown = gap(attributor, batches, class_index, layer.name)
            figures = f"{found.mean:.2f}", f"{signed:.2f}", f"{tenth:.2f}", shown
            yield f"`{layer.name}`", str(layer.n_components), mark, *figures
        torch.manual_seed(SEED)
        tenth = np.mean([lost(subject, None, batch, class_index, layer) for batch in batches])
        yield f"`{layer.name}`", str(layer.n_components), "at random", "", "", f"{tenth:.2f}", ""


def lost(subject, attributor, batch: torch.Tensor, class_index: int, layer) -> float:
    """Mean drop of the margin without the tenth of the components that push most towards the class."""
    random = torch.rand(len(batch), layer.n_components)
    relevance = random if attributor is None else attributor.relevance(batch, class_index, layer.name)
    return float(drop_without_most_relevant(subject, relevance, batch, class_index, layer.name).mean())


def gap(attributor, batches: list[torch.Tensor], class_index: int, layer: str) -> str:
    """Median gap of completeness of integrated gradients; empty for others."""
    if not isinstance(attributor, IntegratedGradients):
        return ""
    gaps = torch.cat([attributor.completeness(batch, class_index, layer).gap for batch in batches])
    return f"{float(gaps.median()):.0e}"


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("spec", type=Path)
    parser.add_argument("--layers", nargs="*", default=[])
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--components", type=int, default=32)
    parser.add_argument("--class-index", type=int, default=0)
    parser.add_argument("--var", action="append", default=[], help="NAME=VALUE of the spec's variables")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    for row in rows(given):
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
