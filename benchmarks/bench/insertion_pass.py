"""Row 7: overlays and their shams put into images and shown to the model, beside a bare forward pass over as many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from auditlens.challenge.insertion import insert_chunk
from auditlens.challenge.overlays import load_overlay
from auditlens.challenge.rendering import ArtefactSource
from auditlens.challenge.trials import plan_trials
from auditlens.data.loader import batches
from auditlens.spec.artefacts import Overlay
from benchmarks.bench.timing import Row, interleave, ratio
from benchmarks.bench.workload import pictures, resnet18

BATCH = 32
N_STAMPS = 8


def measure(folder: Path, quick: bool, device: str = "cpu") -> Row:
    """Time an insertion pass with shams and one without; either shows the model as many inputs as its bare pass."""
    n_images, repeats = (32, 2) if quick else (96, 7)
    subject, index = resnet18(("layer4",), device), pictures(folder / "images", n_images)
    stamps(folder / "stamps")
    rows = np.arange(n_images)
    with_sham, without = (overlay(folder / "stamps", sham) for sham in ("texture", "none"))

    def bare(times: int) -> None:
        with torch.inference_mode():
            for _, inputs in batches(index, np.repeat(rows, times), subject.prepare, BATCH):
                subject.module(inputs.to(device)).cpu()

    def inserted(source: ArtefactSource) -> None:
        trials = plan_trials(index, "overlay", source, rows.tolist(), seed=0)
        insert_chunk(subject, index, "overlay", source, trials, seed=0, batch_size=BATCH)

    seconds = interleave(
        {
            "bare forward": lambda: bare(1),
            "overlays": lambda: inserted(without),
            "bare forward, twice": lambda: bare(2),
            "overlays and shams": lambda: inserted(with_sham),
        },
        repeats,
    )
    return Row(
        key="insertion",
        title="An overlay put into images and shown to a ResNet-18, without and with its sham",
        setting={"images": n_images, "side": 224, "overlays": N_STAMPS, "batch": BATCH},
        seconds=seconds,
        ratios=(
            ratio(seconds, "overlays", "bare forward", 1.15),
            ratio(seconds, "overlays and shams", "bare forward, twice", 1.15),
        ),
        bound="the bare forward pass over the same decoded images, once or twice",
    )


def overlay(folder: Path, sham: str) -> ArtefactSource:
    """Pictures of a patch with an alpha channel, laid at a border."""
    described = {"kind": "overlay", "images": str(folder), "format": "rgba", "reference_height": 224, "sham": sham}
    return load_overlay(Overlay.model_validate(described), folder, 0)


def stamps(folder: Path) -> None:
    """Write some round patches, 64 pixels wide."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(N_STAMPS):
        image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        ImageDraw.Draw(image).ellipse((2, 2, 61, 61), fill=(*rng.integers(0, 256, 3).tolist(), 255))
        image.save(folder / f"{number}.png")
