"""Further data on which `coverage.py` tries the intervals: changes of probability, lists, ratios, few cut-outs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from auditlens.findings import statistics
from auditlens.findings.ablation import rank_correlation
from auditlens.findings.statistics.many import mean_effects
from auditlens.stages.findings import Estimate

Rng = np.random.Generator
Trial = Callable[[Rng], tuple[Estimate, float]]
N_DRAWS = 2_000


def _one_way(rng: Rng, n: int) -> np.ndarray:
    """70 % exact zeros, else a change of probability to one side, mostly small."""
    return (rng.random(n) < 0.3) * rng.beta(0.5, 2.0, size=n)


def _both_ways(rng: Rng, n: int) -> np.ndarray:
    """60 % exact zeros, 35 % small rises, 5 % large falls."""
    kind = rng.random(n)
    rises = rng.beta(1.0, 9.0, size=n) * (kind > 0.65)
    return rises - rng.beta(4.0, 2.0, size=n) * ((kind > 0.6) & (kind <= 0.65))


def _rare(rng: Rng, n: int) -> np.ndarray:
    """95 % exact zeros, else a large rise: what a saturated model shows."""
    return (rng.random(n) < 0.05) * rng.beta(4.0, 2.0, size=n)


CHANGES: dict[str, tuple[Callable[[Rng, int], np.ndarray], float]] = {
    "changes of probability, 70 % zeros": (_one_way, 0.3 * 0.2),
    "changes of probability, both ways, 60 % zeros": (_both_ways, 0.35 * 0.1 - 0.05 * 2 / 3),
    "changes of probability, 95 % zeros": (_rare, 0.05 * 2 / 3),
}
"""By name, with the mean."""


def change_of(n: int, name: str, per_unit: int = 1, instances: int = 0) -> Trial:
    """Changes of probability; a cut-out, and each of several images of a unit, multiplies by a factor of mean 1."""
    draw, truth = CHANGES[name]

    def trial(rng: Rng) -> tuple[Estimate, float]:
        units = np.repeat(np.arange(n), per_unit)
        values = draw(rng, n)[units] * (rng.exponential(size=len(units)) if per_unit > 1 else 1.0)
        cutouts = rng.permutation(np.arange(len(units)) % instances) if instances else None
        if cutouts is not None:
            values = values * rng.gamma(4.0, 0.25, size=instances)[cutouts]
        return statistics.mean_effect(values, units, cutouts, n_draws=N_DRAWS, seed=1), truth

    return trial


def few_instances(n: int, instances: int, sd: float, *, these: bool) -> Trial:
    """Exponential unit effects, with two to four cut-outs; the truth is that of these cut-outs, or of all there are."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        cutouts = rng.permutation(np.arange(n) % instances)
        of_cutouts = sd * rng.standard_normal(instances)
        values = rng.exponential(size=n) - 1 + of_cutouts[cutouts]
        truth = float(of_cutouts[cutouts].mean()) if these else 0.0
        return statistics.mean_effect(values, np.arange(n), cutouts, n_draws=N_DRAWS, seed=1), truth

    return trial


def listed_mean_of(n: int, name: str, instances: int = 0, sd: float = 0.0) -> Trial:
    """One column of a list (`mean_effects`): the closed form with cautious degrees of freedom."""
    draw, truth = CHANGES[name] if name in CHANGES else (lambda rng, size: rng.exponential(size=size), 1.0)

    def trial(rng: Rng) -> tuple[Estimate, float]:
        values = draw(rng, n)
        cutouts = rng.permutation(np.arange(n) % instances) if instances else None
        if cutouts is not None:
            values = values + sd * rng.standard_normal(instances)[cutouts]
        return mean_effects(values[:, None], np.arange(n), cutouts).estimates()[0], truth

    return trial


def share_of_units(n: int, per_unit: int) -> Trial:
    """The share of relevance of a component over several images of each unit: beta-distributed, units differ."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        units = np.repeat(np.arange(n), per_unit)
        own = rng.beta(1.0, 9.0, size=n)[units] * rng.uniform(0.5, 1.5, size=len(units))
        return statistics.mean_share(own[:, None], units)[0], 0.1

    return trial


def rate_of_cutouts(n: int, p: float, per_unit: int, instances: int) -> Trial:
    """Events of units with several images and of cut-outs, each a fifth of the latent variance."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        units = np.repeat(np.arange(n), per_unit)
        cutouts = rng.permutation(np.arange(len(units)) % instances)
        own, of_cutouts = rng.standard_normal(n)[units], rng.standard_normal(instances)[cutouts]
        latent = np.sqrt(0.2) * own + np.sqrt(0.2) * of_cutouts + np.sqrt(0.6) * rng.standard_normal(len(units))
        return statistics.rate(latent < stats.norm.ppf(p), units, instances=cutouts), p

    return trial


def clustered_difference(n: int, p_a: float, p_b: float, per_unit: int) -> Trial:
    """Paired events of several images of each unit, half of whose latent variance is the unit's."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        units = np.repeat(np.arange(n), per_unit)
        own = np.sqrt(0.5) * rng.standard_normal(n)[units]
        a, b = (own + np.sqrt(0.5) * rng.standard_normal(len(units)) for _ in range(2))
        events = a < stats.norm.ppf(p_a), b < stats.norm.ppf(p_b)
        return statistics.rate_difference(*events, units), p_a - p_b

    return trial


def between_models(n: int, p_a: float, p_b: float, *, beyond_sham: bool) -> Trial:
    """Decisions of two models that turn on the images that each calls rightly (80 and 70 %), also beyond shams."""

    def turns(rng: Rng, shared: np.ndarray, p: float) -> np.ndarray:
        latent = np.sqrt(0.4) * shared + np.sqrt(0.6) * rng.standard_normal(n)
        return np.asarray(latent < stats.norm.ppf(p))

    def trial(rng: Rng) -> tuple[Estimate, float]:
        shared, right = rng.standard_normal(n), rng.random(n)
        rows_a, rows_b = right < 0.8, (right > 0.2) & (right < 0.9)
        a, b = turns(rng, shared, p_a), turns(rng, shared, p_b)
        if not beyond_sham:
            return statistics.overlapping_rate_difference(a, b, rows_a, rows_b, np.arange(n)), p_a - p_b
        changes = (a, turns(rng, shared, 0.05)), (b, turns(rng, shared, 0.03))
        found = statistics.difference_of_changes(*changes, rows_a, rows_b, np.arange(n))
        return found, (p_a - 0.05) - (p_b - 0.03)

    return trial


def tied_auroc_of(n: int, share: float) -> Trial:
    """Scores of five values, so that many pairs are tied; the truth counts ties half."""
    steps = np.arange(5)
    of_positives, of_negatives = (stats.binom.pmf(steps, 4, p) for p in (0.7, 0.4))
    above = of_negatives.cumsum() - of_negatives / 2
    truth = float((of_positives * above).sum())

    def trial(rng: Rng) -> tuple[Estimate, float]:
        sides = rng.permutation(np.arange(n) < round(share * n))
        return statistics.auroc(rng.binomial(4, np.where(sides, 0.7, 0.4)).astype(float), sides, np.arange(n)), truth

    return trial


def auroc_loss_of(n: int, area: float, loss: float, rho: float, share: float = 0.5, per_unit: int = 1) -> Trial:
    """The same images twice; several images of a unit share half of their variance."""
    first, second = (np.sqrt(2) * stats.norm.ppf(a) for a in (area, area - loss))

    def trial(rng: Rng) -> tuple[Estimate, float]:
        units = np.repeat(np.arange(n), per_unit)
        sides = rng.permutation(np.arange(len(units)) < round(share * len(units)))
        x, e = (_within(rng, units, n, per_unit) for _ in range(2))
        y = rho * x + np.sqrt(1 - rho**2) * e
        return statistics.auroc_difference(x + first * sides, y + second * sides, sides, units), loss

    return trial


def _within(rng: Rng, units: np.ndarray, n: int, per_unit: int) -> np.ndarray:
    noise = rng.standard_normal(len(units))
    return noise if per_unit == 1 else np.sqrt(0.5) * noise + np.sqrt(0.5) * rng.standard_normal(n)[units]


def ratio_of(n: int, truth: float, effect: float, skewed: bool = False, per_unit: int = 1, instances: int = 0) -> Trial:
    """Share of an effect (in standard deviations of the units) that is mediated; a fifth of the variance is cut-outs'.

    An interval without limits covers, and is counted as "none" in the table.
    """

    def trial(rng: Rng) -> tuple[Estimate, float]:
        units = np.repeat(np.arange(n), per_unit)
        own = rng.exponential(size=n) - 1 if skewed else rng.standard_normal(n)
        total = effect + own[units] + (0.5 * rng.standard_normal(len(units)) if per_unit > 1 else 0.0)
        cutouts = rng.permutation(np.arange(len(units)) % instances) if instances else None
        apart = 0.3 * (rng.exponential(size=len(units)) - 1)
        if cutouts is not None:
            total = total + 0.5 * rng.standard_normal(instances)[cutouts]
            apart = apart + 0.2 * rng.standard_normal(instances)[cutouts]
        return statistics.ratio_of_means(truth * total + apart, total, units, cutouts), truth

    return trial


def correlation_of(n: int, rho: float) -> Trial:
    """Spearman's correlation over n components (the columns of the table are components here, not units)."""
    truth = float(6 / np.pi * np.arcsin(rho / 2))

    def trial(rng: Rng) -> tuple[Estimate, float]:
        x = rng.standard_normal(n)
        return rank_correlation(x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)), truth

    return trial


def more_scenarios(sizes: tuple[int, ...]) -> Iterator[tuple[str, str, int, Trial]]:
    """Family, scenario, number of units and trial."""
    for n in sizes:
        yield "rate", "p = 0.1, 3 images a unit, 9 instances", n, rate_of_cutouts(n, 0.1, 3, 9)
        yield "rate", "p = 0.1, 3 instances", n, rate_of_cutouts(n, 0.1, 1, 3)
        yield "rate difference", "0.3 - 0.2, 3 images a unit", n, clustered_difference(n, 0.3, 0.2, 3)
        yield "rate difference", "two models, 0.3 - 0.1", n, between_models(n, 0.3, 0.1, beyond_sham=False)
        yield (
            "rate difference",
            "two models beyond shams, 0.25 - 0.07",
            n,
            between_models(n, 0.3, 0.1, beyond_sham=True),
        )
        for name in CHANGES:
            yield "mean", name, n, change_of(n, name)
        yield "mean", "changes of probability, 70 % zeros, 9 instances", n, change_of(n, next(iter(CHANGES)), 1, 9)
        yield "mean", "changes of probability, 70 % zeros, 3 images a unit", n, change_of(n, next(iter(CHANGES)), 3)
        for count in (2, 3):
            name = f"exponential, {count} instances, sd 0.5"
            yield "mean", f"{name}, of all cut-outs", n, few_instances(n, count, 0.5, these=False)
            yield "mean", f"{name}, of these cut-outs", n, few_instances(n, count, 0.5, these=True)
        yield "mean of a list", "exponential", n, listed_mean_of(n, "exponential")
        yield "mean of a list", "exponential, 9 instances, sd 0.5", n, listed_mean_of(n, "exponential", 9, 0.5)
        yield "mean of a list", "changes of probability, 70 % zeros", n, listed_mean_of(n, next(iter(CHANGES)))
        yield "mean share", "3 images a unit", n, share_of_units(n, 3)
        yield "AUROC", "five values, one in ten positive", n, tied_auroc_of(n, 0.1)
        yield "AUROC", "five values, half positives", n, tied_auroc_of(n, 0.5)
        yield "AUROC difference", "0.98 - 0.9", n, auroc_loss_of(n, 0.98, 0.08, 0.8)
        yield "AUROC difference", "none, rho 0.99", n, auroc_loss_of(n, 0.85, 0.0, 0.99)
        yield "AUROC difference", "0.9 - 0.8, one in five positive", n, auroc_loss_of(n, 0.9, 0.1, 0.8, 0.2)
        yield "AUROC difference", "0.9 - 0.8, 3 images a unit", n, auroc_loss_of(n, 0.9, 0.1, 0.8, 0.5, 3)
        yield "ratio", "0.5 of an effect of 1 sd", n, ratio_of(n, 0.5, 1.0)
        yield "ratio", "0.5 of an effect of 0.3 sd", n, ratio_of(n, 0.5, 0.3)
        yield "ratio", "0.9 of a skewed effect of 0.5 sd", n, ratio_of(n, 0.9, 0.5, True)
        yield "ratio", "0.5 of 1 sd, 3 images a unit, 9 instances", n, ratio_of(n, 0.5, 1.0, False, 3, 9)
        yield "rank correlation", "0.6", n, correlation_of(n, 0.6)
