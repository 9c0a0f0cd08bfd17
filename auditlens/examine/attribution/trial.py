"""The image of noise on which an attributor is tried before it is used."""

from __future__ import annotations

import numpy as np
import torch

from auditlens.subject import Subject


def trial_batch(subject: Subject) -> torch.Tensor:
    """One image of noise, prepared like any other, (1, C, H, W) on the model's device; the same every time."""
    noise = np.random.default_rng(0).integers(0, 256, (256, 320, 3), dtype=np.uint8)
    return subject.prepare(noise)[None].to(subject.device)
