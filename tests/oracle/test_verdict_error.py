"""Where the truth lies on the limit, a gate decides no more often than its level allows (grid: docs/statistics.md)."""

from collections import Counter

import numpy as np
import pytest

from auditlens.findings.statistics import mean_effect
from auditlens.stages.plan import PlannedGate
from auditlens.stages.states import GateState, Severity
from auditlens.verdict.gate import state_of

REPEATS = 400
ALLOWED = 0.05 + 3 * np.sqrt(0.05 * 0.95 / REPEATS)


def gate(relation, bound):
    return PlannedGate(
        id="g", name="g", metric="artefact_effect", class_name="a", relation=relation, bound=bound,
        severity=Severity.ERROR, confidence=0.95,
    )  # fmt: skip


def rare_rise(rng, n):
    """One unit in twenty changes by 0.8, all others not at all."""
    return 0.8 * (rng.random(n) < 0.05)


def rare_fall(rng, n):
    """Every unit rises by 0.1 or so, but one in twenty falls by 0.9."""
    return np.where(rng.random(n) < 0.05, -0.9, 0.1 + 0.02 * rng.standard_normal(n))


@pytest.mark.parametrize("n_units", [20, 40, 60, 120, 250])
@pytest.mark.parametrize(("draw", "truth"), [(rare_rise, 0.04), (rare_fall, 0.05)])
@pytest.mark.parametrize("relation", ["<=", "within"])
def test_rare_large_changes_decide_no_gate_wrongly(n_units, draw, truth, relation):
    rng = np.random.default_rng(n_units)
    counts = Counter()
    for _ in range(REPEATS):
        found = mean_effect(
            draw(rng, n_units), np.arange(n_units), n_draws=0, bounds=(-1.0, 1.0), confidence=0.95, sided="one"
        )
        counts[state_of(gate(relation, truth), found)] += 1
    for state in (GateState.HOLDS, GateState.FAILS):
        assert counts[state] / REPEATS <= ALLOWED, f"{state} in {counts[state]} of {REPEATS}"


def test_gates_with_enough_units_are_still_decided():
    """The rule costs power where few units are; with 300, what lies well inside holds and what lies outside fails."""
    rng = np.random.default_rng(0)
    for mean, state in ((0.01, GateState.HOLDS), (0.09, GateState.FAILS)):
        values = mean + 0.1 * rng.standard_normal(300)
        found = mean_effect(values, np.arange(300), bounds=(-1.0, 1.0), confidence=0.95, sided="one")
        assert state_of(gate("<=", 0.05), found) is state
