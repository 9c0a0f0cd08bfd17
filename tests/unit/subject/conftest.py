from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from auditlens.spec.model import Model, Preprocessing

SMALL = Preprocessing(resize=16)
FACTORY = """
import torch
from torch import nn

class Small(nn.Module):
    def __init__(self, n_out=2, ending="logits"):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU())
        self.head = nn.Linear(5, n_out)
        self.ending = ending
    def forward(self, x):
        z = self.head(self.features(x).mean((2, 3)))
        if self.ending == "softmax":
            return z.softmax(1)
        if self.ending == "sigmoid":
            return z.sigmoid()
        if self.ending == "flat":
            return z[:, 0]
        return (z, z) if self.ending == "pair" else z

def small(**arguments):
    return Small(**arguments)

def prepare(image):
    import numpy as np
    return torch.from_numpy(np.array(image.resize((16, 16)))).permute(2, 0, 1) / 255

def no_tensor(image):
    return image

def no_module():
    return 3
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A spec's folder with a factory in it."""
    (tmp_path / "small_net_x.py").write_text(FACTORY)
    return tmp_path


def model(**changes) -> Model:
    given = {
        "architecture": "python:small_net_x:small",
        "import_path": ".",
        "preprocessing": SMALL,
        "classes": ("benign", "melanoma"),
    }
    return Model(**{**given, **changes})


def save(module: nn.Module, path: Path) -> dict[str, Tensor]:
    """Save random weights with positive variances."""
    generator = torch.Generator().manual_seed(1)
    state = {
        name: torch.rand(value.shape, generator=generator) + 0.1 if value.is_floating_point() else value
        for name, value in module.state_dict().items()
    }
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    return state
