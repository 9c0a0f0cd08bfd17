"""The verdict as text, plain and drawn."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from auditlens.cli.verdict_text import gate_cells, leanings, plain_verdict, print_verdict, report_lines
from auditlens.stages.findings import ArtefactFinding, Effect, Estimate
from auditlens.stages.states import GateState, Severity
from auditlens.stages.verdict import GateResult
from tests.unit.cli.conftest import make_gate, make_record, make_verdict

FAILS, HOLDS, NOT_EVALUATED = GateState.FAILS, GateState.HOLDS, GateState.NOT_EVALUATED


def cells(**more):
    fields = {"state": FAILS, "estimate": Estimate(value=0.041, low=0.029, high=0.056), "sentence": ""}
    return gate_cells(GateResult(gate=more.pop("gate", make_gate()), **{**fields, **more}))


def test_a_gate_is_written_in_the_unit_of_its_metric():
    assert cells() == ("works", "fails", "4.1 %", "2.9 % to 5.6 %", ">= 90.0 %")
    effect = make_gate("effect", metric="effect_minus_sham", relation="within", bound=0.03)
    assert cells(gate=effect)[2:] == ("+4.1 points", "+2.9 points to +5.6 points", "within 3.0 points")


def test_a_waived_gate_reads_fails_accepted():
    assert cells(waived=True)[1] == "fails, accepted"


def test_a_warning_gate_says_so():
    assert cells(gate=make_gate("w", Severity.WARN))[0] == "w (warn)"


def test_what_was_not_estimated_is_a_dash():
    assert cells(state=NOT_EVALUATED, estimate=None)[1:4] == ("not evaluated", "-", "-")
    assert cells(estimate=Estimate(value=None, note="too few"))[2:4] == ("-", "-")


def test_the_plain_text_has_columns():
    text = plain_verdict(make_record(make_verdict(HOLDS, FAILS)))
    lines = text.splitlines()
    assert lines[:4] == ["THE HEADLINE", "", "First sentence.", ""]
    assert lines[4].split() == ["gate", "state", "estimate", "interval", "limit"]
    assert lines[5].startswith("gate0  holds  93.0 %    91.0 % to 95.0 %")
    assert len({line.index(state) for line, state in zip(lines[5:7], ("holds", "fails"), strict=True)}) == 1


def test_gates_that_hold_need_no_sentence():
    assert "First sentence." not in plain_verdict(make_record(make_verdict(HOLDS)))


@pytest.mark.parametrize(
    ("state", "gate", "low", "leans"),
    [
        (FAILS, {"relation": "<="}, 0.5, True),
        (HOLDS, {"relation": "<="}, 0.5, False),
        (FAILS, {"relation": "<="}, -0.5, False),  # the effect may be nothing
        (FAILS, {"relation": ">="}, 0.5, False),  # too little of it
        (FAILS, {"relation": "<=", "against": "predecessor"}, 0.5, False),  # worse than another model
    ],
)
def test_it_says_which_class_leans_on_which_artefact(state, gate, low, leans):
    net = Estimate(value=0.6, low=low, high=0.7)
    effect = Effect(true_class=None, scale="probability", raw=net, sham=net, beyond=net, share_raised=1.0)
    finding = ArtefactFinding(
        artefact="ruler",
        label="a ruler",
        class_name="melanoma",
        n_images=9,
        n_units=9,
        n_instances=3,
        effects=(effect,),
        flips=(),
        mean_area=0.1,
        sham_energy_ratio=1.0,
    )
    record = make_record(make_verdict(state))
    gate = record.verdict.gates[0].model_copy(update={"gate": make_gate("m", artefact="ruler", **gate)})
    record = record.model_copy(
        update={
            "findings": record.findings.model_copy(update={"artefacts": (finding,)}),
            "verdict": record.verdict.model_copy(update={"gates": (gate,)}),
        }
    )
    wanted = "melanoma leans on a ruler: put in, it moves P by" if leans else "largest effect on P(melanoma)"
    assert wanted in leanings(record)[0]
    assert f"+0.600 beyond its sham (95 %: {low:+.3f} to +0.700)" in leanings(record)[0]


def test_only_reports_that_were_written_are_named(tmp_path):
    assert report_lines(tmp_path) == [f"run folder: {tmp_path}"]
    (tmp_path / "report.html").touch()
    assert report_lines(tmp_path) == [f"report: {tmp_path / 'report.html'}"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_in_a_terminal_it_is_drawn_and_says_the_same(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    print_verdict(make_record(make_verdict(HOLDS, FAILS)), Path("out"))
    shown = terminal.getvalue()
    assert "\x1b[" in shown
    for word in ("THE HEADLINE", "First sentence.", "gate1", "93.0 %", "fails", "run folder: out"):
        assert word in shown


def test_brackets_in_a_verdict_are_text_and_no_markup(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    verdict = make_verdict(FAILS).model_copy(update={"sentences": ("[bold]x[/nothing] missed[ruler]",)})
    print_verdict(make_record(verdict), Path("out"))
    assert "[bold]x[/nothing] missed[ruler]" in terminal.getvalue()
