"""Where the time of crops goes: `python -m benchmarks.bench.profile_crops`; processor time by operation."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from auditlens.examine.attribution.lrp import Lrp
from auditlens.examine.boxes import focus_box, smooth, threshold_box
from benchmarks.bench.workload import resnet18

LAYER, IMAGES, TURNS = "layer4", 8, 2


def main() -> None:
    """Print the operations of one batch of heatmaps, and the time of the boxes of one of them."""
    torch.set_num_threads(1)
    attributor = Lrp(resnet18([LAYER]))
    data, components = torch.randn(IMAGES, 3, 224, 224), torch.randint(0, 512, (IMAGES, TURNS))
    maps = attributor.heatmaps(data, LAYER, components)
    with profile(activities=[ProfilerActivity.CPU]) as measured:
        attributor.heatmaps(data, LAYER, components)
    print(measured.key_averages().table(sort_by="self_cpu_time_total", row_limit=12, max_name_column_width=45))
    print(f"boxes: {_boxes(maps[0, 0].numpy()) * 1e3:.1f} ms per heatmap")


def _boxes(heatmap: np.ndarray, n: int = 10) -> float:
    start = time.process_time()
    for _ in range(n):
        found = smooth(heatmap)
        threshold_box(found, 0.01)
        focus_box(found)
    return (time.process_time() - start) / n


if __name__ == "__main__":
    main()
