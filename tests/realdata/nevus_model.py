"""The architecture of a published melanoma detector (nevus.ai), as its `arch.json` describes it.

A Teachable Machine MobileNetV2-0.35: input `x / 127.5 - 1`, 224 x 224, RGB; outputs are the logits of the classes
Melanoma and Lunar (mole). Sums of residual blocks are modules of their own, so that relevance rules can be given to
them. The last spatial layer is the ReLU6 ``features.23``, (batch, 1280, 7, 7).
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from zennit.layer import Sum

STEM = 16
LAST = 1280
HIDDEN = 100


class Block(nn.Module):
    """Inverted residual: expand, filter each channel, project; plus the input where `residual`."""

    def __init__(self, block: dict[str, Any], eps: float) -> None:
        super().__init__()
        cin, mid, stride = block["cin"], block["mid"], block["stride"]
        layers: list[nn.Module] = []
        if block["expand"]:
            layers += [nn.Conv2d(cin, mid, 1, bias=False), nn.BatchNorm2d(mid, eps=eps), nn.ReLU6()]
        if stride == 2:
            layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
        padding = 0 if stride == 2 else 1
        layers += [
            nn.Conv2d(mid, mid, 3, stride=stride, padding=padding, groups=mid, bias=False),
            nn.BatchNorm2d(mid, eps=eps),
            nn.ReLU6(),
            nn.Conv2d(mid, block["cout"], 1, bias=False),
            nn.BatchNorm2d(block["cout"], eps=eps),
        ]
        self.conv = nn.Sequential(*layers)
        self.sum = Sum() if block["residual"] else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return y if self.sum is None else self.sum(torch.stack([x, y], dim=-1))


class Nevus(nn.Module):
    """Features, mean over space, two linear layers."""

    def __init__(self, arch: dict[str, Any]) -> None:
        super().__init__()
        eps, blocks = arch["bn_eps"], arch["blocks"]
        self.features = nn.Sequential(
            nn.ZeroPad2d((0, 1, 0, 1)),
            nn.Conv2d(3, STEM, 3, stride=2, bias=False),
            nn.BatchNorm2d(STEM, eps=eps),
            nn.ReLU6(),
            *(Block(block, eps) for block in blocks),
            nn.Conv2d(blocks[-1]["cout"], LAST, 1, bias=False),
            nn.BatchNorm2d(LAST, eps=eps),
            nn.ReLU6(),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(LAST, HIDDEN)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(HIDDEN, len(arch["labels"]), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.relu(self.fc1(self.flatten(self.pool(self.features(x))))))


def nevus(arch: str) -> nn.Module:
    """Build the network; `arch` is the path of `arch.json`, relative to this file's folder or absolute."""
    return Nevus(json.loads((Path(__file__).parent / arch).read_text(encoding="utf-8")))
