"""Runs side by side: what is paired, what the differences are, and what is said where they are not paired."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from auditlens.findings.comparison import compare_runs
from auditlens.findings.side_by_side import Run
from auditlens.findings.statistics import mean_effect, rate_difference
from auditlens.stages.answers import Answers, Said
from auditlens.stages.findings import Estimate
from auditlens.stages.states import ComponentState
from tests.unit.findings.compared_runs import N_DRAWS, make_run, with_plan


def rows(comparison, measure, part="beyond", true_class=None):
    (artefact,) = comparison.artefacts
    return next(row for row in artefact.rows if (row.measure, row.part, row.true_class) == (measure, part, true_class))


def every_difference(comparison):
    found = [row for artefact in comparison.artefacts for row in artefact.rows] + list(comparison.performance)
    return [value.difference for row in found for value in row.values[1:] if value.difference is not None]


def width(estimate):
    return estimate.high - estimate.low


@pytest.fixture(scope="module")
def vanilla():
    return make_run("vanilla", 0, 1.5)


@pytest.fixture(scope="module")
def retrained():
    return make_run("retrained", 1, 0.3)


@pytest.fixture(scope="module")
def compared(vanilla, retrained):
    return compare_runs([vanilla, retrained])


def test_a_run_against_itself_differs_by_exactly_nothing(vanilla):
    comparison = compare_runs([vanilla, Run("again", vanilla.record, vanilla.answers)])
    differences = every_difference(comparison)
    assert len(differences) > 15
    assert all((one.value, one.low, one.high) == (0.0, 0.0, 0.0) for one in differences)
    assert all("no variation" in one.note for one in differences)
    assert comparison.differing == () and comparison.warnings == ()


def test_the_difference_of_effects_is_that_of_the_trials_one_by_one(vanilla, retrained, compared):
    first, other = (run.answers.trials["ruler", "melanoma"] for run in (vanilla, retrained))
    changes = []
    for answers in (first, other):
        clean = dict(zip(answers.images.tolist(), answers.clean.probability.tolist(), strict=True))
        sham = dict(zip(answers.images.tolist(), answers.sham.probability.tolist(), strict=True))
        after = dict(zip(answers.images.tolist(), answers.inserted.probability.tolist(), strict=True))
        changes.append({name: (after[name] - clean[name]) - (sham[name] - clean[name]) for name in clean})
    paired = [changes[1][name] - changes[0][name] for name in first.images.tolist()]
    expected = mean_effect(
        paired, first.units, instances=first.instances, n_draws=N_DRAWS, seed=vanilla.record.plan.seed
    )
    found = rows(compared, "probability").values[1].difference
    assert found.value == pytest.approx(expected.value, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_differences_are_of_the_shown_numbers(compared):
    (artefact,) = compared.artefacts
    shown = [row for row in (*artefact.rows, *compared.performance) if row.values[1].difference is not None]
    assert {row.measure for row in shown} >= {"probability", "margin", "flips", "accuracy change", "auroc"}
    for row in shown:
        gap = row.values[1].estimate.value - row.values[0].estimate.value
        assert row.values[1].difference.value == pytest.approx(gap, abs=1e-9), row.measure
        assert row.values[1].difference.low <= gap <= row.values[1].difference.high


def test_on_correlated_runs_pairing_narrows_the_interval(vanilla, retrained, compared):
    apart = compare_runs([vanilla, make_run("retrained", 1, 0.3, pictures="others")])
    assert compared.artefacts[0].pairing == ("first", "paired")
    assert apart.artefacts[0].pairing == ("first", "the artefact is described, drawn or seeded otherwise")
    for true_class in (None, "melanoma", "benign"):
        paired, unpaired = (rows(one, "probability", "raw", true_class).values[1] for one in (compared, apart))
        assert paired.difference.value == pytest.approx(unpaired.difference.value)
        assert width(paired.difference) < width(unpaired.difference)
        assert "unpaired" in unpaired.difference.method


def test_the_order_of_the_rows_changes_nothing(vanilla, retrained, compared, tmp_path):
    from auditlens.report.answers import keep_answers, read_answers
    from auditlens.store.run_folder import RunFolder

    folder = RunFolder(tmp_path / "run")
    keep_answers(folder, retrained.answers)
    import pandas as pd

    for name in ("trials", "predictions"):
        path = tmp_path / "run" / "tables" / f"{name}.parquet"
        pd.read_parquet(path).sample(frac=1, random_state=3).to_parquet(path)
    shuffled = Run("retrained", retrained.record, read_answers(tmp_path / "run"))
    assert compare_runs([vanilla, shuffled]) == compared


def test_other_images_are_not_paired_and_it_is_said(vanilla):
    comparison = compare_runs([vanilla, make_run("other", 1, 0.3, data=5)])
    (artefact,) = comparison.artefacts
    assert artefact.pairing[1] == "it was put into other images"
    assert comparison.performance_pairing[1] == "the runs saw different images"
    assert all("unpaired" in one.method for one in every_difference(comparison))


def test_other_places_in_the_same_images_are_not_paired(vanilla, retrained):
    trials = retrained.answers.trials["ruler", "melanoma"]
    moved = replace(trials, area=trials.area[::-1].copy())
    answers = Answers(retrained.answers.clean, {("ruler", "melanoma"): moved})
    comparison = compare_runs([vanilla, Run("moved", retrained.record, answers)])
    assert comparison.artefacts[0].pairing[1] == "the same images got other instances or places"


def test_without_kept_answers_there_are_differences_without_intervals(vanilla):
    comparison = compare_runs([vanilla, make_run("old", 1, 0.3, kept=False)])
    differences = every_difference(comparison)
    assert differences
    assert all(one.value is not None and one.low is None and one.high is None for one in differences)
    assert any("old keeps no answers" in warning for warning in comparison.warnings)
    assert not comparison.runs[1].keeps_answers


def test_without_shams_there_is_no_difference_beyond_them(vanilla):
    comparison = compare_runs([vanilla, make_run("bare", 1, 0.3, sham=False)])
    assert rows(comparison, "probability", "beyond").values[1].estimate is None
    assert rows(comparison, "probability", "beyond").values[1].difference is None
    assert rows(comparison, "probability", "raw").values[1].difference is not None


def test_accuracy_changes_are_those_of_the_decisions(vanilla, retrained, compared):
    for place, run in enumerate((vanilla, retrained)):
        trials = run.answers.trials["ruler", "melanoma"]
        benign = trials.labels == "benign"
        after, before = (trials.inserted.decided == trials.labels, trials.clean.decided == trials.labels)
        expected = rate_difference(
            after[benign], before[benign], trials.units[benign], instances=trials.instances[benign]
        )
        assert rows(compared, "accuracy change", "raw", "benign").values[place].estimate == expected


def test_a_lost_shortcut_shows(compared):
    difference = rows(compared, "probability").values[1].difference
    assert difference.high < 0
    assert rows(compared, "flips", "beyond", "benign").values[1].difference.high < 0


def test_what_differs_in_the_plans_is_listed_and_told(vanilla, retrained):
    model = retrained.record.plan.model.model_copy(update={"threshold": 0.2, "weights_sha256": "f" * 64})
    comparison = compare_runs([vanilla, with_plan(retrained, model=model, seed=8)])
    found = {row.what: row for row in comparison.differing}
    assert set(found) == {"weights", "operating point", "seed"}
    assert found["weights"].expected and not found["operating point"].expected
    assert found["operating point"].values == ("melanoma at P >= 0.31", "melanoma at P >= 0.2")
    assert [warning.split(":")[0] for warning in comparison.warnings] == ["Different operating point", "Different seed"]


def test_settings_of_the_spec_that_differ_are_named(vanilla, retrained):
    spec = retrained.record.spec | {"challenge": {"n_draws": 2000}, "audit": {"id": "X"}}
    comparison = compare_runs(
        [vanilla, Run("r", retrained.record.model_copy(update={"spec": spec}), retrained.answers)]
    )
    found = {row.what: row for row in comparison.differing}
    assert found["challenge.n_draws"].values == ("1000", "2000")
    assert found["audit.id"].expected
    assert "Different settings of the spec: challenge.n_draws." in comparison.warnings


def test_gates_stand_side_by_side_with_what_is_not_the_same(vanilla, retrained):
    results = retrained.record.verdict.gates
    first = results[0].model_copy(update={"gate": results[0].gate.model_copy(update={"bound": 0.5})})
    verdict = retrained.record.verdict.model_copy(update={"gates": (first, *results[1:-1])})
    other = Run("r", retrained.record.model_copy(update={"verdict": verdict}), retrained.answers)
    gates = compare_runs([vanilla, other]).gates
    assert [gate.id for gate in gates] == [result.gate.id for result in vanilla.record.verdict.gates]
    assert gates[0].note == "the gate is not the same in all runs" and len(set(gates[0].limits)) == 2
    assert gates[-1].note == "not in all runs" and gates[-1].states[1] is None
    assert all(gate.note == "" for gate in gates[1:-1])


def test_shares_are_compared_as_independent_and_nothing_is_a_number(vanilla, retrained):
    found = retrained.record.findings.classes[0]
    shares = {state: one for state, one in found.share_by_state.items() if state is not ComponentState.SPURIOUS}
    lost = found.model_copy(update={"share_by_state": shares})
    findings = retrained.record.findings.model_copy(update={"classes": (lost,)})
    other = Run("r", retrained.record.model_copy(update={"findings": findings}), retrained.answers)
    (inside, *_) = compare_runs([vanilla, other]).classes
    spurious = next(row for row in inside.by_state if row.name == "spurious")
    before = spurious.values[0].estimate
    assert spurious.values[1].estimate.value == 0.0
    difference = spurious.values[1].difference
    assert (difference.value, difference.low, difference.high) == pytest.approx(
        (-before.value, -before.high, -before.low)
    )
    others = [row for row in inside.by_state if row.name != "spurious"]
    assert all("unpaired" in row.values[1].difference.method for row in others)


def test_separability_stands_side_by_side_where_runs_tested_it(vanilla, retrained):
    def tested(run, value):
        row = SimpleNamespace(
            name="ruler",
            class_name="melanoma",
            source="other classes",
            with_artefact=Estimate(value=value, low=value - 0.1, high=value + 0.1),
            drop=None,
        )
        return Run(
            run.name, run.record.model_copy(update={"findings": _with(run.record.findings, (row,))}), run.answers
        )

    def _with(findings, rows):
        return findings.model_copy(update={"separability": rows})

    (row,) = compare_runs([tested(vanilla, 0.5), tested(retrained, 0.8)]).separability
    assert row.auroc[1].difference.value == pytest.approx(0.3)
    assert row.auroc[1].difference.low == pytest.approx(0.3 - np.hypot(0.1, 0.1))
    assert row.drop[1].difference is None
    (lacking,) = compare_runs([tested(vanilla, 0.5), retrained]).separability
    assert lacking.auroc[1].estimate is None


def test_three_runs_are_each_compared_with_the_first(vanilla, retrained, compared):
    three = compare_runs([vanilla, make_run("pruned", 2, 1.4), retrained])
    assert rows(three, "probability").values[2] == rows(compared, "probability").values[1]
    assert rows(three, "probability").values[0].difference is None


def test_said_reads_both_scales():
    said = Said(np.array([0.5]), np.array([0.0]), np.array(["a"]))
    assert said.on("margin")[0] == 0.0 and said.on("probability")[0] == 0.5
