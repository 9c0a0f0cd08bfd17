"""Standings against the first baseline, the notes, and gates of a change plan."""

from datetime import date

import pytest

from auditlens.plan.baselines import change_gates, each_baseline
from auditlens.spec.model import Change, Gate
from auditlens.stages.baselines import Altered, BaselineFinding, BaselineGate
from auditlens.stages.findings import Estimate
from auditlens.stages.states import ExitCode, GateState, Standing
from auditlens.verdict import decide

from .test_decide import MISSED, findings, plan_for, spec

INSIDE, OUTSIDE, CROSSING = (0.0, 0.01), (0.03, 0.07), (0.01, 0.05)


def estimate(pair):
    return None if pair is None else Estimate(value=sum(pair) / 2, low=pair[0], high=pair[1], sided="one")


def before(name="missed[ink]", pair=INSIDE, worse=None, known=True, **fields):
    return BaselineGate(id=name, before=estimate(pair), known=known, worse=estimate(worse), **fields)


def decided(*rows, ink=OUTSIDE, change=None, estimates=None, baselines=None, **fields):
    audit = spec({"missed": MISSED})
    if change is not None:
        audit = audit.model_copy(update={"change": Change(**change)})
    plan = plan_for(audit)
    plan = plan.model_copy(update={"gates": (*plan.gates, *change_gates(audit, "melanoma"))})
    first = BaselineFinding(name="predecessor", record_sha256="b" * 64, gates=rows, **fields)
    found = findings({"missed[ruler]": INSIDE, "missed[ink]": ink})
    found = found.model_copy(
        update={
            "baselines": (first,) if baselines is None else baselines,
            "gate_estimates": found.gate_estimates | (estimates or {}),
        }
    )
    return decide(audit, plan, found, date(2026, 11, 20))


def standing(verdict, name="missed[ink]"):
    return next(row.standing for row in verdict.gates if row.gate.id == name)


@pytest.mark.parametrize(
    ("ink", "row", "expected"),
    [
        (OUTSIDE, before(pair=INSIDE), Standing.NEW),
        (CROSSING, before(pair=INSIDE), Standing.NEW),
        (None, before(pair=INSIDE), Standing.NEW),
        (OUTSIDE, before(known=False, pair=None), Standing.NEW),
        (INSIDE, before(known=False, pair=None), None),
        (INSIDE, before(pair=INSIDE), Standing.UNCHANGED),
        (INSIDE, before(pair=OUTSIDE), Standing.FIXED),
        (INSIDE, before(pair=CROSSING), Standing.FIXED),
        (OUTSIDE, before(pair=OUTSIDE), Standing.UNCHANGED),
        (OUTSIDE, before(pair=OUTSIDE, worse=(-0.01, 0.02)), Standing.UNCHANGED),
        (OUTSIDE, before(pair=OUTSIDE, worse=(0.001, 0.02)), Standing.WORSENED),
        (CROSSING, before(pair=CROSSING, worse=(0.001, 0.02)), Standing.WORSENED),
        (OUTSIDE, before(pair=INSIDE, worse=(0.001, 0.02)), Standing.NEW),
        (OUTSIDE, before(pair=INSIDE, state=GateState.NOT_EVALUATED), Standing.UNCHANGED),
        (INSIDE, before(pair=OUTSIDE, state=GateState.HOLDS), Standing.UNCHANGED),
    ],
)
def test_how_a_gate_stands(ink, row, expected):
    assert standing(decided(row, ink=ink)) is expected


def test_without_a_baseline_nothing_is_called_new():
    verdict = decided(baselines=())
    assert {row.standing for row in verdict.gates} == {None}
    assert verdict.notes == ()


def test_what_is_new_fixed_and_gone_is_named():
    verdict = decided(before(), before("missed[ruler]", pair=OUTSIDE), gone=("old_gate",))
    assert verdict.notes == (
        "New since predecessor: missed[ink].",
        "Fixed since predecessor: missed[ruler].",
        "Gates of predecessor that this spec has no longer: old_gate.",
    )


def test_a_baseline_that_is_not_comparable_calls_nothing_new_and_says_why():
    verdict = decided(why_not="the data changed, and its weights are gone")
    assert {row.standing for row in verdict.gates} == {None}
    assert verdict.notes == ("Nothing is compared with predecessor: the data changed, and its weights are gone.",)


def test_a_model_that_was_run_again_is_told():
    assert "was run again by this spec, since the seed changed." in decided(again="the seed changed").notes[0]


def test_the_first_baseline_with_a_record_decides():
    ungiven = BaselineFinding(name="site", why_not="not given")
    old = BaselineFinding(name="predecessor", record_sha256="b" * 64, gates=(before(pair=OUTSIDE),))
    older = BaselineFinding(name="authorised", record_sha256="c" * 64, gates=(before(pair=INSIDE),))
    assert standing(decided(baselines=(ungiven, old, older))) is Standing.UNCHANGED
    assert standing(decided(baselines=(ungiven, older, old))) is Standing.NEW


CHANGE = {"plan": "PCCP-02", "may_change": ("weights",), "must_equal": ("architecture", "decision")}
ZERO, ONE = (Estimate(value=x, low=x, high=x, n=1) for x in (0.0, 1.0))


def test_a_broken_change_plan_fails_like_a_gate():
    broken = ONE.model_copy(update={"note": "it was 'a' and is 'b'"})
    verdict = decided(ink=INSIDE, change=CHANGE, estimates={"change[architecture]": broken, "change[decision]": ZERO})
    states = {row.gate.id: row.state for row in verdict.gates if row.gate.name == "change"}
    assert states == {"change[architecture]": GateState.FAILS, "change[decision]": GateState.HOLDS}
    assert verdict.exit_code is ExitCode.GATE_FAILS
    assert verdict.sentences[0] == (
        "The change plan demands the same architecture as the baseline's; it was 'a' and is 'b': fails."
    )


def test_a_change_plan_without_a_baseline_is_undecided():
    missing = Estimate(value=None, note="there is no baseline to compare with")
    estimates = dict.fromkeys(("change[architecture]", "change[decision]"), missing)
    verdict = decided(ink=INSIDE, change=CHANGE, estimates=estimates, baselines=())
    assert verdict.exit_code is ExitCode.UNDECIDED
    assert "not evaluated, because there is no baseline" in verdict.sentences[0]


def test_what_the_plan_says_nothing_of_is_named():
    altered = tuple(
        Altered(aspect=name, before="a", after="b", allowed=allowed)
        for name, allowed in (("weights", True), ("output", None))
    )
    assert (
        "Changed since predecessor, and PCCP-02 says nothing of it: output."
        in decided(
            before(), change=CHANGE, altered=altered, estimates={"change[architecture]": ZERO, "change[decision]": ZERO}
        ).notes
    )


def test_a_gate_against_several_baselines_is_one_gate_each():
    (planned, _) = plan_for(spec({"missed": MISSED})).gates
    several = Gate(metric="auroc", limit="<= 0.01", against=("predecessor", "authorised"))
    one = several.model_copy(update={"against": "predecessor"})
    assert [row.id for row in each_baseline(planned, several)] == [
        "missed[ruler][against=predecessor]",
        "missed[ruler][against=authorised]",
    ]
    assert [(row.id, row.against) for row in each_baseline(planned, one)] == [("missed[ruler]", "predecessor")]
