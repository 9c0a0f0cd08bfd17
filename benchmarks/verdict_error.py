"""How often a gate decides wrongly where the truth lies exactly on its limit.

There, `holds` and `fails` are both errors, and each must come at most as often as the gate's level allows (5 % at a
confidence of 95 %). Draws data sets, estimates each as gates do (one-sided, 95 %), decides with `verdict.gate`, and
counts. Prints a Markdown table.

    python benchmarks/verdict_error.py --quick             # 200 data sets a cell, a minute of a core
    python benchmarks/verdict_error.py --repeats 2000      # the table in docs/statistics.md
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from interval_cases import CHANGES
from scipy import stats

from auditlens.findings import statistics
from auditlens.stages.findings import Estimate
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState, Severity
from auditlens.verdict.gate import state_of

Rng = np.random.Generator
Draw = Callable[[Rng], Estimate]

N_UNITS = (20, 50, 100, 300)
N_DRAWS = 500
"""Bootstrap draws per data set: fewer than in an audit, which only adds noise to the limits."""
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Case:
    """A gate whose limit the truth meets, and what is measured."""

    metric: str
    data: str
    limit: str
    draw: Draw


def rate_at(n: int, p: float, per_unit: int = 1, instances: int = 0) -> Draw:
    """Events at a rate of p; units and cut-outs each hold a fifth of the latent variance where they can."""

    def draw(rng: Rng) -> Estimate:
        units = np.repeat(np.arange(n), per_unit)
        latent, left = np.zeros(len(units)), 1.0
        cutouts = rng.permutation(np.arange(len(units)) % instances) if instances else None
        if per_unit > 1:
            latent, left = latent + np.sqrt(0.2) * rng.standard_normal(n)[units], left - 0.2
        if cutouts is not None:
            latent, left = latent + np.sqrt(0.2) * rng.standard_normal(instances)[cutouts], left - 0.2
        events = latent + np.sqrt(left) * rng.standard_normal(len(units)) < stats.norm.ppf(p)
        return statistics.rate(events, units, instances=cutouts, confidence=LEVEL, sided="one")

    return draw


def difference_at(n: int, p_a: float, p_b: float) -> Draw:
    """Paired events with correlated latent values."""

    def draw(rng: Rng) -> Estimate:
        x = rng.standard_normal(n)
        y = 0.7 * x + np.sqrt(1 - 0.7**2) * rng.standard_normal(n)
        a, b = x < stats.norm.ppf(p_a), y < stats.norm.ppf(p_b)
        return statistics.rate_difference(a, b, np.arange(n), confidence=LEVEL, sided="one")

    return draw


SHAPES: dict[str, Callable[[Rng, int], np.ndarray]] = {
    "normal": lambda rng, n: 0.2 * rng.standard_normal(n),
    "log-normal": lambda rng, n: 0.1 * (np.exp(rng.standard_normal(n)) - np.exp(0.5)),
    "negative log-normal": lambda rng, n: 0.1 * (np.exp(0.5) - np.exp(rng.standard_normal(n))),
} | {name: (lambda rng, n, own=own, mean=mean: own(rng, n) - mean) for name, (own, mean) in CHANGES.items()}
"""By name, with mean 0."""


def effect_at(n: int, shape: str, mean: float, per_unit: int = 1, instances: int = 0) -> Draw:
    """Paired changes with this mean; cut-outs differ by half a standard deviation of the units' effects."""

    def draw(rng: Rng) -> Estimate:
        units = np.repeat(np.arange(n), per_unit)
        values = SHAPES[shape](rng, n)[units] + mean
        if per_unit > 1:
            values = values + 0.1 * rng.standard_normal(len(units))
        cutouts = rng.permutation(np.arange(len(units)) % instances) if instances else None
        if cutouts is not None:
            values = values + 0.1 * rng.standard_normal(instances)[cutouts]
        return statistics.mean_effect(
            values, units, cutouts, n_draws=N_DRAWS, seed=1, bounds=(-1.0, 1.0), confidence=LEVEL, sided="one"
        )

    return draw


def multiplied_at(n: int, instances: int) -> Draw:
    """Changes of probability that each cut-out multiplies by a factor of its own: the effect of cut-outs is skewed."""
    draw_values, mean = CHANGES["changes of probability, 70 % zeros"]

    def draw(rng: Rng) -> Estimate:
        cutouts = rng.permutation(np.arange(n) % instances)
        values = draw_values(rng, n) * rng.gamma(4.0, 0.25, size=instances)[cutouts] + 0.05 - mean
        return statistics.mean_effect(
            values, np.arange(n), cutouts, n_draws=N_DRAWS, seed=1, bounds=(-1.0, 1.0), confidence=LEVEL, sided="one"
        )

    return draw


def share_at(n: int, share: float) -> Draw:
    """Beta-distributed shares of relevance."""

    def draw(rng: Rng) -> Estimate:
        own = rng.beta(2 * share, 2 * (1 - share), size=n)
        return statistics.mean_share(own[:, None], np.arange(n), confidence=LEVEL, sided="one")[0]

    return draw


def auroc_at(n: int, area: float, share: float = 0.5) -> Draw:
    """Binormal scores."""

    def draw(rng: Rng) -> Estimate:
        sides = rng.permutation(np.arange(n) < round(share * n))
        scores = rng.standard_normal(n) + np.sqrt(2) * stats.norm.ppf(area) * sides
        return statistics.auroc(scores, sides, np.arange(n), confidence=LEVEL, sided="one")

    return draw


def ratio_at(n: int, share: float, effect: float) -> Draw:
    """A mediated share of an effect of so many standard deviations; unbounded intervals decide nothing."""

    def draw(rng: Rng) -> Estimate:
        total = effect + rng.standard_normal(n)
        mediated = share * total + 0.3 * (rng.exponential(size=n) - 1)
        return statistics.ratio_of_means(mediated, total, np.arange(n), confidence=LEVEL, sided="one")

    return draw


def cases(n: int) -> Iterator[Case]:
    """All cases with so many units."""
    for p in (0.02, 0.05, 0.2):
        yield Case("rate", f"{p:g}", f"<= {p:g}", rate_at(n, p))
    yield Case("rate", "0.9", ">= 0.9", rate_at(n, 0.9))
    yield Case("rate", "0.1, 3 images a unit", "<= 0.1", rate_at(n, 0.1, 3))
    yield Case("rate", "0.1, 9 instances", "<= 0.1", rate_at(n, 0.1, 1, 9))
    yield Case("rate difference", "0.08 - 0.03", "<= 0.05", difference_at(n, 0.08, 0.03))
    yield Case("rate difference", "0.3 - 0.2", "within 0.1", difference_at(n, 0.3, 0.2))
    for shape in SHAPES:
        yield Case("mean change", shape, "<= 0.05", effect_at(n, shape, 0.05))
        yield Case("mean change", shape, "within 0.05", effect_at(n, shape, 0.05))
    yield Case("mean change", "negative log-normal", ">= 0.05", effect_at(n, "negative log-normal", 0.05))
    yield Case("mean change", "log-normal, 3 images a unit", "<= 0.05", effect_at(n, "log-normal", 0.05, 3))
    for count in (3, 9, 24):
        if count <= n:
            yield Case(
                "mean change", f"log-normal, {count} instances", "<= 0.05", effect_at(n, "log-normal", 0.05, 1, count)
            )
    yield Case("mean change", "70 % zeros, multiplied by 9 cut-outs", "<= 0.05", multiplied_at(n, 9))
    for share in (0.05, 0.3):
        yield Case("share", f"{share:g}", f"<= {share:g}", share_at(n, share))
    yield Case("AUROC", "0.8", ">= 0.8", auroc_at(n, 0.8))
    yield Case("AUROC", "0.8, one in five positive", ">= 0.8", auroc_at(n, 0.8, 0.2))
    yield Case("AUROC", "0.95", ">= 0.95", auroc_at(n, 0.95))
    yield Case("AUROC", "0.6", "<= 0.6", auroc_at(n, 0.6))
    yield Case("ratio", "0.5 of 1 sd", "<= 0.5", ratio_at(n, 0.5, 1.0))
    yield Case("ratio", "0.5 of 0.3 sd", "<= 0.5", ratio_at(n, 0.5, 0.3))


def gate_of(limit: str) -> PlannedGate:
    """A gate with this limit."""
    relation, bound = limit.split()
    return PlannedGate(
        id="gate", name="gate", metric="auroc", class_name="a", relation=relation, bound=float(bound),
        severity=Severity.ERROR, confidence=LEVEL,
    )  # fmt: skip


def errors(case: Case, n: int, repeats: int) -> Counter[GateState]:
    """How often the gate takes each state, with a seed of its own."""
    rng = np.random.default_rng([zlib.crc32(f"{case.metric}/{case.data}/{case.limit}".encode()), n])
    gate = gate_of(case.limit)
    return Counter(state_of(gate, case.draw(rng)) for _ in range(repeats))


def main() -> None:
    """Count all cases and print them as they are done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200 repeats: a smoke test, +- 3 points")
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--only", default="", help="cases whose `metric/data` contains this")
    arguments = parser.parse_args()
    repeats = 200 if arguments.quick else arguments.repeats
    started, worst = time.perf_counter(), 0.0
    print("| what | data | limit | " + " | ".join(f"{n} units" for n in N_UNITS) + " |")
    print("| --- | --- | --- |" + " --- |" * len(N_UNITS), flush=True)
    by_size = {n: {(case.metric, case.data, case.limit): case for case in cases(n)} for n in N_UNITS}
    for key in by_size[max(N_UNITS)]:
        if arguments.only not in f"{key[0]}/{key[1]}":
            continue
        texts = []
        for n in N_UNITS:
            if key not in by_size[n]:
                texts.append("-")
                continue
            found = errors(by_size[n][key], n, repeats)
            shares = [100 * found[state] / repeats for state in (GateState.HOLDS, GateState.FAILS)]
            worst = max(worst, *shares)
            texts.append(f"{shares[0]:.1f} / {shares[1]:.1f}")
        print(f"| {' | '.join(key)} | {' | '.join(texts)} |", flush=True)
    error = 100 * np.sqrt(0.05 * 0.95 / repeats)
    print(
        f"\nPer cent of gates that hold / fail, {repeats} data sets a cell (standard error {error:.1f}); the most often"
    )
    print(f"wrong: {worst:.1f} %. Took {time.perf_counter() - started:.0f} s.")


if __name__ == "__main__":
    main()
