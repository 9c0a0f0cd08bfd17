"""How much each concept example counts in a component's embedding (paper, D.4.3: a direction left for future work)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from auditlens.stages.evidence import Floats

ExampleWeights = Literal["equal", "activation"]


def example_weights(activations: Floats, how: ExampleWeights) -> Floats | None:
    """Weights of the concept examples, (components, m) -> (components, m), summing to one per component.

    `activation`: in proportion to the pooled activation, so that images which hardly drive the component hardly count;
    activations below zero count nothing, and a component that is never positive has equal weights.

    Parameters
    ----------
    activations : (components, m)
        Pooled; NaN where there is no example, whose weight is 0.
    how : {"equal", "activation"}

    Returns
    -------
    array or None
        None for equal weights.
    """
    if how == "equal":
        return None
    there = ~np.isnan(activations)
    weights = np.where(there, np.maximum(np.nan_to_num(activations), 0), 0.0)
    weights = np.where(weights.sum(axis=1, keepdims=True) > 0, weights, there)
    return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-30))


def effective_number(weights: Floats) -> Floats:
    """How many equal examples would vary as much (Kish 1965), (components, m) -> (components,); 1 to m."""
    return np.asarray(1 / np.maximum((weights**2).sum(axis=1), 1e-30))
