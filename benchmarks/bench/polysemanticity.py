"""Row 4: polysemanticity of many components at once, beside one scikit-learn k-means each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans

from auditlens.examine.interpretability import clarity, polysemanticity
from benchmarks.bench.timing import Row, interleave, ratio

M, DIMENSION = 30, 512


def measure(folder: Path, quick: bool, device: str = "cpu") -> Row:
    """Time both on examples that lie in two clusters, and compare their scores."""
    n_components, repeats = (128, 1) if quick else (2048, 3)
    examples = separable(n_components)

    def theirs() -> np.ndarray:
        return np.array([1 - clarity(_sums(part)[None])[0] for part in examples])

    candidates = {"scikit-learn": theirs, "polysemanticity": lambda: polysemanticity(examples)}
    seconds = interleave(candidates, repeats, warm=False)
    return Row(
        key="polysemanticity",
        title="Polysemanticity of many components",
        setting={"components": n_components, "examples": M, "dimension": DIMENSION},
        seconds=seconds,
        ratios=(ratio(seconds, "scikit-learn", "polysemanticity", 20, at_most=False),),
        bound="one matrix product of each component's examples with themselves",
        checks={"largest difference of the scores, first 128, separable data": _gap(examples[:128])},
    )


def separable(n_components: int) -> np.ndarray:
    """Unit vectors around two random directions per component, (n_components, M, DIMENSION) float32."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((n_components, 2, DIMENSION))
    sides = rng.random((n_components, M)) < rng.uniform(0.2, 0.8, (n_components, 1))
    chosen = np.take_along_axis(centres, sides[..., None].astype(int), axis=1)
    noisy = chosen + 0.5 * rng.standard_normal(chosen.shape)
    return (noisy / np.linalg.norm(noisy, axis=2, keepdims=True)).astype(np.float32)


def _sums(part: np.ndarray) -> np.ndarray:
    labels = KMeans(n_clusters=2, n_init=10, random_state=0).fit_predict(part)
    return np.stack([part[labels == side].sum(axis=0) for side in (0, 1)])


def _gap(examples: np.ndarray) -> float:
    theirs = np.array([1 - clarity(_sums(part)[None])[0] for part in examples])
    return float(np.abs(polysemanticity(examples) - theirs).max())
