"""A small valid spec in a folder with the files that it names, and a way to break it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from auditlens.errors import SpecError
from auditlens.spec.load import load_spec

DOCUMENT: dict[str, Any] = {
    "auditlens": 1,
    "audit": {"id": "T-1"},
    "model": {"architecture": "torchvision:resnet18", "classes": ["benign", "melanoma"]},
    "data": {"folder": "images"},
    "foundation": {"model": "ViT-B-32"},
    "concepts": {
        "streaks": {"group": "ABCDE/A", "texts": ["streaks"]},
        "border": {"group": "ABCDE/B", "texts": ["border"]},
        "ruler": {"texts": ["ruler"], "artefact": "ruler"},
    },
    "classes": {"melanoma": {"valid": ["group:ABCDE"], "spurious": ["ruler"]}},
    "decision": {"class": "melanoma", "threshold": 0.5},
    "artefacts": {"ruler": {"kind": "ruler"}, "tint": {"kind": "tint", "colour": [231, 128, 151]}},
    "gates": {"works": {"metric": "sensitivity", "limit": ">= 0.9"}},
}


class Bench:
    """Writes specs into one folder and loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "images").mkdir()

    def write(self, text: str | bytes, name: str = "spec.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def document(self, **changes: Any) -> dict[str, Any]:
        """A valid document with paths such as `gates__works__limit` set to other values; `...` takes an entry out."""
        document = copy.deepcopy(DOCUMENT)
        for path, value in changes.items():
            *parents, last = path.split("__")
            target = document
            for step in parents:
                target = target.setdefault(step, {})
            if value is ...:
                del target[last]
            else:
                target[last] = value
        return document

    def load(self, text: str | bytes | None = None, variables: dict[str, str] | None = None, **changes: Any):
        """Load a text, or the valid document with changes (JSON is YAML)."""
        return load_spec(self.write(json.dumps(self.document(**changes)) if text is None else text), variables)

    def problems(self, text: str | bytes | None = None, **changes: Any) -> list[str]:
        """The problems, without the folder."""
        with pytest.raises(SpecError) as caught:
            self.load(text, **changes)
        return [line.replace(f"{self.folder}/", "") for line in caught.value.problems]

    def problem(self, text: str | bytes | None = None, **changes: Any) -> str:
        """The only problem."""
        found = self.problems(text, **changes)
        assert len(found) == 1, found
        return found[0]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
