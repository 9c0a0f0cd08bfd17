"""How often the intervals of `auditlens.findings.statistics` cover the truth.

Draws data sets from known distributions, estimates each with a two-sided 95 % interval, and counts. Prints a Markdown
table (coverage in per cent, with the misses below and above the truth), and writes everything as JSON.

    python benchmarks/coverage.py --quick             # under a minute on one core
    python benchmarks/coverage.py --repeats 1000      # the table in docs/statistics.md
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from interval_cases import more_scenarios
from scipy import special, stats

from auditlens.findings import statistics
from auditlens.findings.statistics.contrasts import difference_within, rate_contrast
from auditlens.findings.statistics.many import Means
from auditlens.stages.findings import Estimate

Rng = np.random.Generator
Trial = Callable[[Rng], tuple[Estimate, float]]

N_UNITS = (20, 50, 100, 300)
N_INSTANCES = (5, 9, 24)
N_DRAWS = 2_000
"""Bootstrap draws per trial: fewer than in an audit, which only adds noise to the limits."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Coverage of one scenario at one size."""

    family: str
    scenario: str
    n_units: int
    repeats: int
    coverage: float
    above: float
    """Share of intervals that lie above the truth."""
    below: float
    width: float
    """Median width."""
    without: float
    """Share without an interval on both sides: not counted in the coverage."""
    seconds: float


def rate_of(n: int, p: float, per_unit: int = 1, icc: float = 0.0) -> Trial:
    """Units with a beta-distributed rate (intraclass correlation `icc`), `per_unit` observations each."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        own = rng.beta(p * (1 / icc - 1), (1 - p) * (1 / icc - 1), size=n) if icc else np.full(n, p)
        units = np.repeat(np.arange(n), per_unit)
        return statistics.rate(rng.random(n * per_unit) < own[units], units), p

    return trial


def rate_over_instances(n: int, p: float, n_instances: int, sd: float) -> Trial:
    """One cut-out per image; cut-outs differ on the logit scale by `sd`."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    centre = special.logit(p)
    truth = float((weights * special.expit(centre + sd * nodes)).sum() / weights.sum())

    def trial(rng: Rng) -> tuple[Estimate, float]:
        instances = rng.permutation(np.arange(n) % n_instances)
        own = special.expit(centre + sd * rng.standard_normal(n_instances))[instances]
        return statistics.rate(rng.random(n) < own, np.arange(n), instances=instances), truth

    return trial


def difference_of_rates(n: int, p_a: float, p_b: float, rho: float, instances: int = 0) -> Trial:
    """Paired events from correlated normals; cut-outs, where there are any, carry a fifth of the variance of a."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        x = rng.standard_normal(n)
        y = rho * x + np.sqrt(1 - rho**2) * rng.standard_normal(n)
        cutouts = None
        if instances:
            cutouts = rng.permutation(np.arange(n) % instances)
            x = np.sqrt(0.8) * x + np.sqrt(0.2) * rng.standard_normal(instances)[cutouts]
        a, b = x < stats.norm.ppf(p_a), y < stats.norm.ppf(p_b)
        return statistics.rate_difference(a, b, np.arange(n), instances=cutouts), p_a - p_b

    return trial


SHAPES: dict[str, Callable[[Rng, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "exponential (skewness 2)": lambda rng, n: rng.exponential(size=n) - 1,
    "log-normal (skewness 6)": lambda rng, n: np.exp(rng.standard_normal(n)) - np.exp(0.5),
    "80 % zeros, else exponential": lambda rng, n: (rng.random(n) < 0.2) * rng.exponential(size=n) - 0.2,
}
"""By name, with mean 0."""


def mean_of(n: int, shape: str, per_unit: int = 1, instances: int = 0, sd: float = 0.0) -> Trial:
    """Skewed unit effects; with `per_unit`, observations of a unit differ by as much as the units."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        units = np.repeat(np.arange(n), per_unit)
        values = SHAPES[shape](rng, n)[units]
        if per_unit > 1:
            values = values + rng.standard_normal(len(units))
        cutouts = None
        if instances:
            cutouts = rng.permutation(np.arange(len(units)) % instances)
            values = values + sd * rng.standard_normal(instances)[cutouts]
        return statistics.mean_effect(values, units, cutouts, n_draws=N_DRAWS, seed=1), 0.0

    return trial


def share_of(n: int, shape: str) -> Trial:
    """The closed form that is used for the shares of many components."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        values = SHAPES[shape](rng, n)[:, None]
        return statistics.mean_share(values, np.arange(n), bounds=None)[0], 0.0

    return trial


def quantile_of(n: int, q: float, per_unit: int = 1) -> Trial:
    """Quantile of skewed values, clustered half and half."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        units = np.repeat(np.arange(n), per_unit)
        own = rng.standard_normal(n)[units]
        latent = np.sqrt(0.5) * own + np.sqrt(0.5) * rng.standard_normal(len(units)) if per_unit > 1 else own
        return statistics.quantile(np.exp(latent), units, q), float(np.exp(stats.norm.ppf(q)))

    return trial


def auroc_of(n: int, area: float, share: float = 0.5, per_unit: int = 1, n_strata: int = 1) -> Trial:
    """Binormal scores; clustered units hold observations of both sides that share half their variance."""
    shift = np.sqrt(2) * stats.norm.ppf(area)

    def trial(rng: Rng) -> tuple[Estimate, float]:
        total = n * per_unit
        units = np.repeat(np.arange(n), per_unit)
        sides = rng.permutation(np.arange(total) < round(share * total))
        noise = rng.standard_normal(total)
        if per_unit > 1:
            noise = np.sqrt(0.5) * noise + np.sqrt(0.5) * rng.standard_normal(n)[units]
        strata = np.arange(total) % n_strata if n_strata > 1 else None
        offset = 0.0 if strata is None else 2.0 * strata
        return statistics.auroc(noise + shift * sides + offset, sides, units, strata=strata), area

    return trial


def auroc_difference_of(n: int, area: float, loss: float) -> Trial:
    """The same images twice, with correlated binormal scores."""
    first, second = (np.sqrt(2) * stats.norm.ppf(a) for a in (area, area - loss))

    def trial(rng: Rng) -> tuple[Estimate, float]:
        sides = np.arange(n) % 2 == 0
        x = rng.standard_normal(n)
        y = 0.8 * x + 0.6 * rng.standard_normal(n)
        return statistics.auroc_difference(x + first * sides, y + second * sides, sides, np.arange(n)), loss

    return trial


def contrast_of(n: int, shape: str, share: float, instances: int = 0) -> Trial:
    """A subgroup of a share of the units, twice as spread, against the rest; both meet the same cut-outs."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        inside = rng.random(n) < share
        values = SHAPES[shape](rng, n) * np.where(inside, 2.0, 1.0)
        cutouts = None
        if instances:
            cutouts = rng.permutation(np.arange(n) % instances)
            values = values + 0.5 * rng.standard_normal(instances)[cutouts]
        return _estimated(difference_within(values, inside, np.arange(n), cutouts)), 0.0

    return trial


def auroc_drop_of(n: int, area: float, lift: float, n_instances: int, sd: float, factors: int = 1) -> Trial:
    """An artefact lifts the negatives alone, each cut-out by another amount; the positives stay as they are."""
    distance = np.sqrt(2) * stats.norm.ppf(area)
    truth = area - float(stats.norm.cdf((distance - lift) / np.sqrt(2 + factors * sd**2 + 0.25)))

    def trial(rng: Rng) -> tuple[Estimate, float]:
        sides = np.arange(n) % 2 == 0
        before = rng.standard_normal(n) + distance * sides
        instances = np.stack([rng.permutation(np.arange(n) // 2 % n_instances) for _ in range(factors)], axis=1)
        own = sd * rng.standard_normal((factors, n_instances))
        moved = lift + sum(own[k][instances[:, k]] for k in range(factors)) + 0.5 * rng.standard_normal(n)
        after = np.where(sides, before, before + moved)
        return statistics.auroc_difference(before, after, sides, np.arange(n), instances=instances), truth

    return trial


def contrast_within_labels_of(n: int, shape: str, share: float, per_unit: int = 1) -> Trial:
    """A flag that goes with the label, and shifts the scores by 0.2 or, with the other label, by 0.5."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        labels = rng.integers(0, 2, n)
        flags = rng.random(n) < np.where(labels == 1, 2 * share, share)
        values = SHAPES[shape](rng, n) + 0.4 * labels + flags * (0.2 + 0.3 * labels)
        repeated = np.repeat(np.arange(n), per_unit)
        values = values[repeated] + (0.5 * rng.standard_normal(n * per_unit) if per_unit > 1 else 0.0)
        found = difference_within(values, flags[repeated], repeated, labels=labels[repeated])
        return _estimated(found), 0.2 + 0.3 * 2 / 3

    return trial


def rate_contrast_of(n: int, share: float, p_inside: float, p_outside: float) -> Trial:
    """Rates of a group of a share of the units, and of the rest."""

    def trial(rng: Rng) -> tuple[Estimate, float]:
        inside = rng.random(n) < share
        events = rng.random(n) < np.where(inside, p_inside, p_outside)
        return rate_contrast(events, inside, np.arange(n)), p_inside - p_outside

    return trial


def _estimated(found: Means | None) -> Estimate:
    return Estimate(value=None) if found is None else found.estimates()[0]


def scenarios() -> Iterator[tuple[str, str, int, Trial]]:
    """Family, scenario, number of units, and a trial of it."""
    for n in N_UNITS:
        for p in (0.01, 0.05, 0.3):
            yield "rate", f"p = {p}", n, rate_of(n, p)
        yield "rate", "p = 0.05, 3 images a unit, ICC 0.5", n, rate_of(n, 0.05, 3, 0.5)
        yield "rate", "p = 0.3, 3 images a unit, ICC 0.1", n, rate_of(n, 0.3, 3, 0.1)
        for count in N_INSTANCES:
            if n >= count:
                yield "rate", f"p = 0.1, {count} instances, sd 0.5", n, rate_over_instances(n, 0.1, count, 0.5)
        yield "rate difference", "0.08 - 0.05, rho 0.7", n, difference_of_rates(n, 0.08, 0.05, 0.7)
        yield "rate difference", "0.3 - 0.2, rho 0.7", n, difference_of_rates(n, 0.3, 0.2, 0.7)
        yield "rate difference", "0.08 - 0.01, 9 instances", n, difference_of_rates(n, 0.08, 0.01, 0.3, 9)
        for shape in SHAPES:
            yield "mean", shape, n, mean_of(n, shape)
        yield "mean", "exponential, 3 images a unit", n, mean_of(n, "exponential (skewness 2)", 3)
        for count in N_INSTANCES:
            if n >= count:
                for sd in (0.1, 0.5):
                    name = f"exponential, {count} instances, sd {sd}"
                    yield "mean", name, n, mean_of(n, "exponential (skewness 2)", 1, count, sd)
        crossed = mean_of(n, "exponential (skewness 2)", 3, 9, 0.5)
        yield "mean", "exponential, 3 images a unit, 9 instances, sd 0.5", n, crossed
        for shape in SHAPES:
            yield "mean share", shape, n, share_of(n, shape)
        yield "quantile", "q = 0.5", n, quantile_of(n, 0.5)
        yield "quantile", "q = 0.9", n, quantile_of(n, 0.9)
        yield "quantile", "q = 0.9, 3 images a unit", n, quantile_of(n, 0.9, 3)
        for area in (0.7, 0.9, 0.98):
            yield "AUROC", f"{area}, half positives", n, auroc_of(n, area)
        yield "AUROC", "0.9, one in five positive", n, auroc_of(n, 0.9, 0.2)
        yield "AUROC", "0.9, 3 images a unit", n, auroc_of(n, 0.9, 0.5, 3)
        yield "AUROC", "0.9, 2 strata", n, auroc_of(n, 0.9, 0.5, 1, 2)
        yield "AUROC difference", "0.9 - 0.85", n, auroc_difference_of(n, 0.9, 0.05)
        for share in (0.5, 0.2):
            shape = "exponential (skewness 2)"
            yield "contrast of means", f"exponential, a subgroup of {share}", n, contrast_of(n, shape, share)
        yield "contrast of means", "exponential, a subgroup of 0.3, 9 instances", n, contrast_of(n, shape, 0.3, 9)
        yield "contrast of means", "normal, a subgroup of 0.3, 24 instances", n, contrast_of(n, "normal", 0.3, 24)
        for per_unit in (1, 3):
            name = "exponential, within labels" + (", 3 images a unit" if per_unit > 1 else "")
            yield "contrast of means", name, n, contrast_within_labels_of(n, shape, 0.25, per_unit)
        yield "contrast of rates", "0.38 - 0.04, a group of 0.3", n, rate_contrast_of(n, 0.3, 0.38, 0.04)
        yield "contrast of rates", "0.05 - 0.05, a group of 0.3", n, rate_contrast_of(n, 0.3, 0.05, 0.05)
        for count in N_INSTANCES:
            if n >= 2 * count:
                for sd in (0.2, 0.6):
                    name = f"0.9, negatives lifted, {count} instances, sd {sd}"
                    yield "AUROC drop", name, n, auroc_drop_of(n, 0.9, 1.0, count, sd)
        yield "AUROC drop", "0.9, no lift, 9 instances, sd 0.2", n, auroc_drop_of(n, 0.9, 0.0, 9, 0.2)
        yield "AUROC drop", "0.98, negatives lifted, 9 instances, sd 0.6", n, auroc_drop_of(n, 0.98, 1.0, 9, 0.6)
        two = auroc_drop_of(n, 0.9, 1.0, 9, 0.4, 2)
        yield "AUROC drop", "0.9, negatives lifted, 2 artefacts of 9 instances, sd 0.4 each", n, two
    yield from more_scenarios(N_UNITS)


def measure(family: str, scenario: str, n: int, trial: Trial, repeats: int) -> Cell:
    """Repeat one trial with a seed of its own."""
    rng = np.random.default_rng([zlib.crc32(f"{family}/{scenario}".encode()), n])
    started = time.perf_counter()
    above = below = without = 0
    widths = []
    for _ in range(repeats):
        estimate, truth = trial(rng)
        if estimate.low is None or estimate.high is None:
            without += 1
            continue
        above += estimate.low > truth + 1e-12
        below += estimate.high < truth - 1e-12
        widths.append(estimate.high - estimate.low)
    counted = max(len(widths), 1)
    return Cell(
        family,
        scenario,
        n,
        repeats,
        coverage=1 - (above + below) / counted if widths else float("nan"),
        above=above / counted,
        below=below / counted,
        width=float(np.median(widths)) if widths else float("nan"),
        without=without / repeats,
        seconds=round(time.perf_counter() - started, 2),
    )


def _measure_at(task: tuple[int, int]) -> Cell:
    index, repeats = task
    return measure(*list(scenarios())[index], repeats)


def as_markdown(cells: list[Cell]) -> str:
    """One row per scenario, one column per number of units."""
    lines = [
        "| what | data | " + " | ".join(f"{n} units" for n in N_UNITS) + " |",
        "| --- | --- |" + " --- |" * len(N_UNITS),
    ]
    by_row: dict[tuple[str, str], dict[int, Cell]] = {}
    for cell in cells:
        by_row.setdefault((cell.family, cell.scenario), {})[cell.n_units] = cell
    families = list(dict.fromkeys(family for family, _ in by_row))
    for family, scenario in sorted(by_row, key=lambda row: families.index(row[0])):
        texts = [_text(by_row[family, scenario].get(n)) for n in N_UNITS]
        lines.append(f"| {family} | {scenario} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def _text(cell: Cell | None) -> str:
    if cell is None or np.isnan(cell.coverage):
        return "-"
    some = f", none {100 * cell.without:.0f}" if cell.without > 0 else ""
    return f"{100 * cell.coverage:.1f} ({100 * cell.above:.1f}/{100 * cell.below:.1f}{some})"


def main() -> None:
    """Measure all scenarios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100 repeats: a smoke test, +- 4 points")
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--only", default="", help="rows whose `family/scenario` contains this")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where to write the cells")
    arguments = parser.parse_args()
    repeats = 100 if arguments.quick else arguments.repeats
    started = time.perf_counter()
    chosen = [index for index, row in enumerate(scenarios()) if arguments.only in f"{row[0]}/{row[1]}"]
    tasks = [(index, repeats) for index in chosen]
    if arguments.processes > 1:
        with ProcessPoolExecutor(arguments.processes) as pool:
            cells = list(pool.map(_measure_at, tasks))
    else:
        cells = [_measure_at(task) for task in tasks]
    print(as_markdown(cells))
    print(f"\n{repeats} repeats, two-sided 95 %; {time.perf_counter() - started:.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(cell) for cell in cells], indent=1) + "\n")


if __name__ == "__main__":
    main()
