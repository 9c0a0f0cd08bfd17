"""A tiny audit on disk: thirty pictures, a network of two layers, a spec; run through the installed command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from auditlens.cli.main import main

COMMAND = Path(sys.executable).with_name("auditlens")
N_PER_CLASS = 15
NETWORK = '''"""A network that anybody could bring along."""

import os
import sys
import time

import torch
from torch import nn


def build(n_classes=2, width=4):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, n_classes)
    )


def raising():
    raise RuntimeError("the factory wants a licence key")


def no_module():
    return "a network"


class Tampered(nn.Module):
    """The network, with its output changed by `change`."""

    def __init__(self, change):
        super().__init__()
        self.inner, self.change = build(), change

    def forward(self, batch):
        return self.change(batch, self.inner(batch))


def nan():
    return Tampered(lambda batch, output: output * float("nan"))


def nan_for_one():
    """Fails for pictures of which the first pixel is black, that is for none that the loader tries it on."""
    return Tampered(lambda batch, output: torch.where(batch[:, :, 0, 0].sum(1, keepdim=True) == 0, torch.nan, output))


def constant():
    return Tampered(lambda batch, output: output * 0 + torch.tensor([4.0, -4.0]))


def leaving():
    sys.exit(0)


def slow():
    def wait(batch, output):
        time.sleep(float(os.environ.get("TINY_NETWORK_WAITS", "0")))
        return output

    return Tampered(wait)
'''


def write_pictures(folder: Path, size: int = 64) -> None:
    """Benign pictures are dark, melanomas bright; noise on both."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(("benign", "melanoma")):
        (folder / name).mkdir(parents=True)
        for index in range(N_PER_CLASS):
            pixels = np.clip(rng.normal(80 + 80 * number, 30, (size, size, 3)), 1, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index:02d}.png")


def brightness_weights(width: int = 4) -> dict[str, torch.Tensor]:
    """Weights with which the network of `NETWORK` tells bright from dark."""
    generator = torch.Generator().manual_seed(0)
    return {
        "0.weight": torch.rand(width, 3, 3, 3, generator=generator) / 27,
        "0.bias": torch.zeros(width),
        "4.weight": torch.stack([-torch.ones(width), torch.ones(width)]) * 20,
        "4.bias": torch.tensor([19.0, -19.0]),
    }


class Project:
    """A folder with pictures, network, weights and spec."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self.store = folder, folder / "out", folder / "store"
        self.spec = folder / "spec.yaml"
        write_pictures(folder / "images")
        (folder / "tiny_network.py").write_text(NETWORK)
        save_file(brightness_weights(), folder / "weights.safetensors")
        self.document: dict[str, Any] = {
            "auditlens": 1,
            "audit": {"id": "TINY-1"},
            "model": {
                "architecture": "python:tiny_network:build",
                "import_path": ".",
                "weights": "weights.safetensors",
                "classes": ["benign", "melanoma"],
            },
            "decision": {"class": "melanoma", "threshold": 0.5},
            "data": {"folder": "images"},
            "artefacts": {"red_skin": {"kind": "tint", "colour": [231, 128, 151]}},
            "challenge": {"n_draws": 1000, "n_pairs": 1},
            "examine": {"n_examples": 3, "max_components": 2},
            "gates": {
                "works": {"metric": "sensitivity", "limit": ">= 0.5", "required_by": "all"},
                "alarm": {
                    "metric": "decision_flips",
                    "direction": "benign_to_melanoma",
                    "artefact": "red_skin",
                    "limit": "<= 0.5",
                },
            },
        }
        self.change({})

    def tamper(self, factory: str) -> None:
        """Audit one of the tampered networks; its weights are those of the network inside."""
        inner = {f"inner.{name}": value for name, value in brightness_weights().items()}
        save_file(inner, self.folder / "weights.safetensors")
        self.change({"model": {"architecture": f"python:tiny_network:{factory}"}})

    def change(self, changes: Mapping[str, Any]) -> None:
        """Merge changes into the spec, by section; `None` for a section takes it out. Writes it."""
        for section, value in changes.items():
            old = self.document.get(section)
            merged = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
            self.document[section] = merged
        kept = {name: value for name, value in self.document.items() if value is not None}
        self.spec.write_text(yaml.safe_dump(kept, sort_keys=False))

    def arguments(self, out: Path | None = None) -> list[str]:
        """What follows `auditlens`."""
        given = ["--out", str(out or self.out), "--store", str(self.store), "--threads", "1", "--batch-size", "4"]
        return ["run", str(self.spec), "--quiet", "--device", "cpu", "--allow-code", *given]

    def run(self, out: Path | None = None, *, installed: bool = False) -> subprocess.CompletedProcess[str]:
        """Audit, through the entry point in this process (which has loaded torch), or as a user does."""
        return (installed_call if installed else entry_call)(*self.arguments(out))

    def told(self, out: Path | None = None, *, installed: bool = False) -> str:
        """Run, and demand one clear error, exit code 2 and a run folder without anything of this run."""
        folder = out or self.out
        before = listing(folder)
        done = self.run(out, installed=installed)
        assert done.returncode == 2, done.stderr + done.stdout
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) <= 2, done.stderr
        assert listing(folder) == before
        return done.stderr

    def record(self, out: Path | None = None) -> bytes:
        """The bytes of `record.json`."""
        return ((out or self.out) / "record.json").read_bytes()

    def computed(self, out: Path | None = None) -> int:
        """How many results the last run into the folder had to compute."""
        return json.loads(((out or self.out) / "run.json").read_text())["results_computed"]


def listing(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def entry_call(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the function behind the installed command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    return subprocess.CompletedProcess(arguments, int(code), out.getvalue(), err.getvalue())


def installed_call(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Call the installed command with one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment,
        timeout=120,
        **options,
    )
