"""What a trace of one forward pass tells."""

import torch
from torch import nn

from auditlens.subject.trace import trace


def test_operations_are_those_of_convolutions_and_linear_maps():
    model = nn.Sequential()
    model.add_module("first", nn.Conv2d(3, 8, 3, padding=1))
    model.add_module("act", nn.ReLU())
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flat", nn.Flatten())
    model.add_module("head", nn.Linear(8, 5))
    found = trace(model.eval(), torch.zeros(2, 3, 10, 12))
    head = 2 * 8 * 5
    assert found.n_operations() == 2 * (8 * 10 * 12) * (3 * 3 * 3) + head
    assert found.n_operations("act") == head
    assert found.n_operations("head") == 0
