"""`pytest --auditlens`, tried in sessions of their own."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from auditlens.report.write import write_all
from auditlens.stages.states import GateState, Severity
from auditlens.stages.verdict import DEFAULT_POLICY, Policy
from tests.unit.report.synthetic_record import make_record
from tests.unit.report.varied import make_result, make_verdict, with_verdict

pytest_plugins = ["pytester"]
HOLDS, FAILS, INCONCLUSIVE, NOT_EVALUATED = GateState
INSTALLED = any(found.value == "auditlens.pytest_plugin" for found in entry_points(group="pytest11"))
LOAD = () if INSTALLED else ("-p", "auditlens.pytest_plugin")
"""A checkout whose installation is older than the plugin has no entry point for it."""
GATES = (
    make_result(0, HOLDS),
    make_result(1, FAILS, sentence="The ruler turns 4.1 of 100."),
    make_result(2, INCONCLUSIVE, sentence="Nobody can tell."),
    make_result(3, FAILS, waived=True),
    make_result(4, FAILS, Severity.WARN),
    make_result(5, NOT_EVALUATED, Severity.WARN),
)


@pytest.fixture(scope="module")
def empty_record(tmp_path_factory: pytest.TempPathFactory):
    return make_record(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def run(pytester: pytest.Pytester, empty_record):
    """Write a record with the gates, and call pytest on it."""

    def call(*options: str, gates=GATES, policy: Policy = DEFAULT_POLICY) -> pytest.RunResult:
        record = with_verdict(empty_record, make_verdict(gates, policy, notes=("A waiver is not used.",)))
        write_all(pytester.path / "run", record, ["record.json"])
        return pytester.runpytest(*LOAD, "--auditlens-record", "run", *options)

    return call


def test_one_test_a_gate(run) -> None:
    result = run("-v")
    result.assert_outcomes(passed=1, failed=1, errors=1, xfailed=3)
    result.stdout.fnmatch_lines(["*auditlens::gate0 PASSED*", "*auditlens::gate1 FAILED*", "*auditlens::gate2 ERROR*"])
    assert result.ret == 1


def test_the_sentence_is_told_and_no_traceback(run) -> None:
    result = run("-rx")
    result.stdout.fnmatch_lines(["Nobody can tell.", "outcome: undecided; limit: *"])
    result.stdout.fnmatch_lines(
        ["The ruler turns 4.1 of 100.", "outcome: FAILS; limit: *", "spec: specs/melanoma.yaml:*"]
    )
    result.stdout.fnmatch_lines(
        ["XFAIL auditlens::gate3 - *fails, accepted: Sentence 3. A. Owner and B. Second until*"]
    )
    result.stdout.fnmatch_lines(["THE HEADLINE", "A waiver is not used.", "exit code 1: a gate fails"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


@pytest.mark.parametrize(
    ("policy", "outcomes"),
    [
        (Policy(fail_on=Severity.WARN), {"passed": 1, "failed": 2, "errors": 2, "xfailed": 1}),
        (Policy(allow_inconclusive=True), {"passed": 1, "failed": 1, "xfailed": 4}),
    ],
)
def test_the_policy_of_the_record_counts(run, policy: Policy, outcomes: dict[str, int]) -> None:
    run(policy=policy).assert_outcomes(**outcomes)


def test_red_exactly_where_the_exit_code_is_not_zero(run) -> None:
    assert run(gates=(GATES[0], GATES[3], GATES[4])).ret == 0
    assert run(gates=(GATES[0], GATES[2])).ret == 1


def test_gates_stand_beside_other_tests_and_can_be_chosen(run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_mine():\n    pass\n")
    run().assert_outcomes(passed=2, failed=1, errors=1, xfailed=3)
    run("-k", "gate0 or mine").assert_outcomes(passed=2, deselected=5)
    run("-m", "auditlens and not slow").assert_outcomes(passed=1, failed=1, errors=1, xfailed=3, deselected=1)
    run("--deselect", "auditlens::gate1").assert_outcomes(passed=2, errors=1, xfailed=3, deselected=1)


def test_workers_read_the_record_of_the_session(run, pytester: pytest.Pytester) -> None:
    result = run("-n", "2")
    result.assert_outcomes(passed=1, failed=1, errors=1, xfailed=3)


def test_a_missing_record_is_a_wrong_call(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest(*LOAD, "--auditlens-record", "nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*nowhere*"])


def test_a_wrong_spec_is_a_wrong_call_with_its_lines(pytester: pytest.Pytester) -> None:
    (pytester.path / "spec.yaml").write_text("auditlens: 1\nodd: 2\n")
    result = pytester.runpytest(*LOAD, "--auditlens", "spec.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*auditlens run ended with exit code 2:*", "*spec.yaml:2:1: odd*"])


def test_a_session_without_the_option_is_as_it_was(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pytester.makepyfile(
        "import sys\n\n\ndef test_light(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.get_plugin('auditlens-gates') is None\n"
        "    assert not {'auditlens.report', 'pydantic', 'torch'} & set(sys.modules)\n"
    )
    result = pytester.runpytest_subprocess(*LOAD, "-p", "no:hypothesispytest", "-W", "error")
    result.assert_outcomes(passed=1)


def test_the_module_loads_nothing_heavy() -> None:
    code = (
        "import sys, auditlens.pytest_plugin; print({'torch', 'pydantic', 'numpy', 'auditlens.api'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


def test_the_entry_point_is_declared() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\nauditlens = "auditlens.pytest_plugin"\n' in project
