"""Reference predictions: proof that the audited pipeline is the deployed one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from auditlens.data.images import load_rgb
from auditlens.errors import InputError, IntegrityError, ModelError, nearest
from auditlens.spec.model import Model, ReferencePrediction, Window
from auditlens.spec.paths import resolve
from auditlens.subject.behaving import Behaving

LIKELY: Final = "is `model.preprocessing`, the order of `model.classes` or `model.output` another one?"


def check_references(
    subject: Behaving, model: Model, base: Path, data_root: Path | None, window: Window | None = None
) -> tuple[float | None, int]:
    """Compare the model's probabilities with those that the spec says the deployed pipeline gives.

    Parameters
    ----------
    subject : Behaving
        The file that ships, where there is one.
    model : Model
        The spec's part, with `reference_predictions` and `reference_tolerance`.
    base : Path
        Folder of the spec; images are looked for there, then under `data_root`.
    data_root : Path or None
    window : (low, high), "full", "file" or None
        How values of more than 8 bits become 8 bits: `data.window`.

    Returns
    -------
    largest_gap : float or None
        Largest absolute difference in probability, 0 to 1; None without references.
    n : int
        Number of reference images.

    Raises
    ------
    IntegrityError
        If a gap exceeds the tolerance.
    InputError
        If an image is missing or broken.
    ModelError
        If a class is none of the model's.
    """
    largest: float | None = None
    for reference in model.reference_predictions:
        found = _predict(subject, _find(reference.image, base, data_root), window)
        for name, expected in reference.probabilities.items():
            if name not in subject.classes:
                raise ModelError(
                    f"the reference prediction of {reference.image} names the class {name!r}; "
                    f"valid are {', '.join(subject.classes[:8])}{nearest(name, subject.classes)}"
                )
            gap = abs(found[subject.classes.index(name)] - expected)
            if gap > model.reference_tolerance:
                raise _mismatch(subject, reference, found, model.reference_tolerance)
            largest = gap if largest is None else max(largest, gap)
    return largest, len(model.reference_predictions)


def _find(image: str, base: Path, data_root: Path | None) -> Path:
    tried = [resolve(image, base), *([data_root / image] if data_root is not None else [])]
    for path in tried:
        if path.is_file():
            return path
    raise InputError(f"the reference image {image!r} does not exist; looked for {' and '.join(map(str, tried))}")


def _predict(subject: Behaving, path: Path, window: Window | None) -> list[float]:
    with torch.no_grad():
        values: list[float] = subject.probabilities(subject.prepare(load_rgb(path, window))[None])[0].double().tolist()
    return values


def _mismatch(
    subject: Behaving, reference: ReferencePrediction, found: list[float], tolerance: float
) -> IntegrityError:
    said = ", ".join(f"{name} {value:.4f}" for name, value in reference.probabilities.items())
    got = ", ".join(f"{name} {found[subject.classes.index(name)]:.4f}" for name in reference.probabilities)
    swapped = [found[::-1][subject.classes.index(name)] for name in reference.probabilities]
    pairs = zip(swapped, reference.probabilities.values(), strict=True)
    reversed_fits = all(abs(value - expected) <= tolerance for value, expected in pairs)
    return IntegrityError(
        f"the audited pipeline is not the deployed one: for {reference.image} the spec expects {said}; "
        f"found {got} (tolerance {tolerance:g})",
        hint="with the classes in reverse order it agrees" if reversed_fits else LIKELY,
    )
