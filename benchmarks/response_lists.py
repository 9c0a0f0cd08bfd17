"""How often a list of components names one that does not respond, with few artefact instances.

Simulated: 60 components that nothing moves, 100 trials of as many patients, a fifth of the variance between instances;
Holm's procedure at 5 %. Prints docs/method.md's figures: `python benchmarks/response_lists.py`, some seconds.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from auditlens.findings.statistics import holm
from auditlens.findings.statistics.clusters import clusters_of, spread_of_sum
from auditlens.findings.statistics.many import mean_effects

N_TRIALS, N_COMPONENTS, N_LISTS, BETWEEN = 100, 60, 400, 0.2


def draw(rng: np.random.Generator, instances: np.ndarray) -> np.ndarray:
    """Responses of components that nothing moves, (trials, components)."""
    shared = rng.normal(size=(instances.max() + 1, N_COMPONENTS))[instances]
    return np.sqrt(1 - BETWEEN) * rng.normal(size=(N_TRIALS, N_COMPONENTS)) + np.sqrt(BETWEEN) * shared


def satterthwaite(values: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """P-values with Satterthwaite's degrees of freedom, without the correction for skewness."""
    means = values.mean(axis=0)
    spread = spread_of_sum((values - means) / N_TRIALS, clusters_of(np.arange(N_TRIALS), instances, N_TRIALS))
    return 2 * special.stdtr(spread.df, -np.abs(means) / np.sqrt(spread.variance))


def main() -> None:
    """Print the shares of lists with a false finding."""
    rng = np.random.default_rng(0)
    for n_instances in (4, 9, 100):
        instances, used, other = np.arange(N_TRIALS) % n_instances, 0, 0
        for _ in range(N_LISTS):
            values = draw(rng, instances)
            used += bool((holm(mean_effects(values, np.arange(N_TRIALS), instances).p_values()) <= 0.05).any())
            other += bool((holm(satterthwaite(values, instances)) <= 0.05).any())
        print(f"{n_instances} instances: {used / N_LISTS:.0%} of lists; with Satterthwaite's {other / N_LISTS:.0%}")


if __name__ == "__main__":
    main()
