"""What the header of a safetensors file says of the model: which parts it has, and how many outputs.

The header is JSON and names every weight with its shape, so a misspelt layer and a wrong number of classes are told in
milliseconds, without torch. Parts without weights (a ReLU, a pooling) do not appear in it; where a name may be one of
those, nothing is said.
"""

from __future__ import annotations

import difflib
import json
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from auditlens.errors import SpecError
from auditlens.spec.nodes import Fields, Leaf, Problems, child, place, select
from auditlens.spec.nodes import Path as Keys
from auditlens.spec.paths import resolve
from auditlens.spec.references import text_at

MAX_HEADER: Final = 50_000_000
CLOSE: Final = 0.75
"""Similarity of two names from which on one is taken for the other, misspelt."""
WITHOUT_WEIGHTS: Final = re.compile(
    r"act|relu|elu|silu|mish|swish|sigmoid|tanh|softmax|pool|drop|flatten|ident|quant|add|skip|mul|cat|norm|pad|up|down"
)
"""What names of parts without weights contain, in the libraries that people use."""
HEADS: Final = ("fc", "classifier", "head", "heads", "last_linear")
"""First part of the classifier's name in torchvision and timm."""

Shapes = Mapping[str, tuple[int, ...]]


def check_weights(root: Fields, base: Path, classes: tuple[str, ...], problems: Problems) -> None:
    """Note layers that the weights' names rule out, and a number of classes that is not that of the outputs.

    Parameters
    ----------
    root : Fields
        The merged document.
    base : Path
        Folder of the spec.
    classes : tuple of str
        The model's classes; empty where they are not known.
    problems : Problems
    """
    weights = text_at(root, "model", "weights")
    if weights is None:
        return
    try:
        shapes = read_shapes(resolve(weights, base))
    except (SpecError, OSError):
        return  # a path that leads nowhere; `check_files` says so
    except ValueError as error:
        problems.add(place(root, ("model", "weights")), ("model", "weights"), str(error))
        return
    if not shapes:
        return
    parts = _parts(shapes)
    for path, name in _named_layers(root):
        close = misspelt(name, parts)
        if close:
            severity = "error" if _is_library(root) else "warning"
            sentence = f"the weights have no part {name!r}; did you mean {close!r}?"
            problems.add(place(root, path), path, sentence, severity)  # type: ignore[arg-type]
    _check_outputs(root, shapes, classes, problems)


def read_shapes(path: Path) -> Shapes:
    """Read the names and shapes of the weights in a safetensors file; nothing for a file of another kind.

    Raises
    ------
    ValueError
        The file is called safetensors and is none.
    """
    if path.suffix != ".safetensors" or not path.is_file():
        return {}
    with path.open("rb") as stream:
        first = stream.read(8)
        size = struct.unpack("<Q", first)[0] if len(first) == 8 else MAX_HEADER + 1
        raw = stream.read(size) if size <= MAX_HEADER else b""
    try:
        header = json.loads(raw)
        return {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{str(path)!r} is no safetensors file: its header cannot be read") from error


def _parts(shapes: Shapes) -> frozenset[str]:
    """Names of all parts with weights in or below them, also without the prefix that all names share."""
    names = [name.rpartition(".")[0] for name in shapes if "." in name]
    shared = _shared_prefixes(list(shapes))
    bare = {name.removeprefix(prefix) for name in names for prefix in shared if name.startswith(prefix)}
    found = (name.split(".") for name in bare)
    return frozenset(".".join(steps[:n]) for steps in found for n in range(1, len(steps) + 1))


def _shared_prefixes(names: list[str]) -> list[str]:
    steps = names[0].split(".")
    prefixes = ["".join(f"{step}." for step in steps[:n]) for n in range(len(steps))]
    return [prefix for prefix in prefixes if all(name.startswith(prefix) for name in names)]


def _named_layers(root: Fields) -> Iterator[tuple[Keys, str]]:
    """Layers that the spec names in full: no globs, not `auto`."""
    for pattern in (("model", "layers"), ("model", "layers", "*")):
        for path, node in select(root, pattern):
            text = node.value if isinstance(node, Leaf) else None
            if isinstance(text, str) and text != "auto" and not set("*?[") & set(text):
                yield path, text
    for path, node in select(root, ("model", "silenced", "*")):
        if isinstance(node, Leaf) and isinstance(node.value, str) and ":" in node.value:
            yield path, node.value.rpartition(":")[0]


def misspelt(name: str, parts: frozenset[str]) -> str | None:
    """Return the part that a name was meant to be, or None where the model may well have it.

    Parameters
    ----------
    name : str
        As in `named_modules()`.
    parts : frozenset of str
        Parts with weights.
    """
    steps = name.split(".")
    known = next(n for n in range(len(steps), -1, -1) if n == 0 or ".".join(steps[:n]) in parts)
    if known == len(steps) or steps[known].isdigit() or WITHOUT_WEIGHTS.search(steps[known]):
        return None
    above = "".join(f"{step}." for step in steps[:known])
    beside = sorted({part.removeprefix(above).partition(".")[0] for part in parts if part.startswith(above)})
    close = difflib.get_close_matches(steps[known], beside, n=1, cutoff=CLOSE)
    if not close:
        return None
    meant = ".".join([*steps[:known], close[0], *steps[known + 1 :]])
    return meant if known + 1 == len(steps) or meant in parts else misspelt(meant, parts) or above + close[0]


def _is_library(root: Fields) -> bool:
    return (text_at(root, "model", "architecture") or "").startswith(("torchvision:", "timm:"))


def _check_outputs(root: Fields, shapes: Shapes, classes: tuple[str, ...], problems: Problems) -> None:
    """Where the library builds the classifier with one output per class, the file's must have as many."""
    found = child(root, "model")
    if not (classes and _is_library(root)) or found is None or child(found[1], "arguments"):
        return
    prefix = max(_shared_prefixes(list(shapes)), key=len)
    heads = {
        name: shape[0]
        for name, shape in shapes.items()
        if len(shape) >= 2 and name.removeprefix(prefix).partition(".")[0] in HEADS
    }
    wanted = 1 if text_at(root, "model", "output") == "single_logit" else len(classes)
    if heads and wanted not in heads.values():
        name, n_outputs = list(heads.items())[-1]
        sentence = f"the spec names {len(classes)} classes, and the weights {name!r} give {n_outputs} outputs"
        problems.add(place(root, ("model", "classes"), key=True), ("model", "classes"), sentence)
