"""`pytest --auditlens SPEC`: one test a gate, named by the gate; without the option nothing is loaded or collected.

A failing gate is a failed test, an undecided one an error. What does not count for the exit code, an accepted failure
or a gate of severity warn, is an expected failure (xfail) with its reason: neither red nor green.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from auditlens.stages.record import AuditRecord
    from auditlens.stages.verdict import GateResult, Policy

PLUGIN: Final = "auditlens-gates"
OUT: Final = "reports/auditlens-pytest"
RECORD_KEY: Final = "auditlens_record"
"""Under which a worker of pytest-xdist is told where the record lies."""
DECIDED: Final = (0, 1, 3)
"""Exit codes of an audit that came to a verdict."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; all names begin with `--auditlens`."""
    group = parser.getgroup("auditlens", "gates of an audit as tests")
    group.addoption("--auditlens", metavar="SPEC", help="audit SPEC once, and make a test of each of its gates")
    group.addoption("--auditlens-record", metavar="RUN", help="make tests of a finished run: its folder or record.json")
    group.addoption("--auditlens-out", metavar="DIR", default=OUT, help=f"run folder of the audit (default: {OUT})")
    group.addoption("--auditlens-args", metavar="ARGS", default="", help="further options of `auditlens run`, quoted")


def pytest_configure(config: pytest.Config) -> None:
    """Take part only where an option asks for it."""
    if config.getoption("--auditlens") or config.getoption("--auditlens-record"):
        config.addinivalue_line("markers", "auditlens: a gate of an audit")
        config.pluginmanager.register(Gates(config), PLUGIN)


class Gates:
    """Adds one test a gate to those of the project; the audit runs once a session, workers of xdist read its record."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.record: AuditRecord | None = None
        self.place: Path | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add the gates before `-k`, `-m` and `--deselect` look at the tests."""
        self.record = self.record or self._read()
        items.extend(
            GateCollector.from_parent(session, name="auditlens", nodeid="auditlens", record=self.record).collect()
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist where the record lies."""
        self.record = self.record or self._read()
        node.workerinput[RECORD_KEY] = str(self.place)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say the headline and what stands beside it."""
        from auditlens.report.beside import exit_text, remarks

        if self.record is None:
            return
        verdict = self.record.verdict
        terminalreporter.section("auditlens")
        for line in (verdict.headline, *remarks(verdict), exit_text(verdict), f"record: {self.place}"):
            terminalreporter.line(line)

    def _read(self) -> AuditRecord:
        from auditlens.errors import AuditLensError
        from auditlens.report.reading import read_record

        self.place = self._located()
        try:
            return read_record(self.place)
        except AuditLensError as error:
            raise pytest.UsageError(str(error)) from error

    def _located(self) -> Path:
        told = getattr(self.config, "workerinput", {}).get(RECORD_KEY) or self.config.getoption("--auditlens-record")
        if told:
            path: Path = self.config.invocation_params.dir / str(told)
            return path / "record.json" if path.is_dir() else path
        out: Path = self.config.rootpath / self.config.getoption("--auditlens-out")
        run_audit(self.config.getoption("--auditlens"), out, self.config.getoption("--auditlens-args"), self.config)
        return out / "record.json"


def run_audit(spec: str, out: Path, further: str, config: pytest.Config) -> None:
    """Audit in a process of its own, so that nothing of it stays in the tests' process.

    Raises
    ------
    pytest.UsageError
        With what the command said, where it came to no verdict.
    """
    command = [sys.executable, "-m", "auditlens.cli.main", "run", spec, "--out", str(out), "--quiet"]
    done = subprocess.run(
        [*command, *shlex.split(further)],
        cwd=config.invocation_params.dir,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode not in DECIDED:
        raise pytest.UsageError(f"auditlens run ended with exit code {done.returncode}:\n{done.stderr.strip()}")


class GateCollector(pytest.Collector):
    """The gates of one record."""

    def __init__(self, *, record: AuditRecord, **given: Any) -> None:
        super().__init__(**given)
        self.record = record

    def collect(self) -> Iterator[GateItem]:
        """One item a gate, in the order of the spec."""
        verdict = self.record.verdict
        for result in verdict.gates:
            yield GateItem.from_parent(self, name=result.gate.id, result=result, policy=verdict.policy)


class GateItem(pytest.Item):
    """One gate; it was decided by the audit, and is only told here."""

    def __init__(self, *, result: GateResult, policy: Policy, **given: Any) -> None:
        super().__init__(**given)
        self.result, self.policy = result, policy
        self.add_marker("auditlens")
        self.user_properties += [("metric", result.gate.metric), ("outcome", result.state.value)]

    def setup(self) -> None:
        """Stop here where the gate is undecided and counts: an error, since nothing was tested."""
        from auditlens.report.junit import detail
        from auditlens.verdict import Weight, weight_of

        if weight_of(self.result, self.policy) is Weight.UNDECIDED:
            pytest.fail(detail(self.result), pytrace=False)

    def runtest(self) -> None:
        """Fail where the gate fails and counts; expect what does not hold and does not count."""
        from auditlens.report.junit import detail
        from auditlens.report.wording import outcome_word
        from auditlens.verdict import Weight, weight_of

        weight = weight_of(self.result, self.policy)
        if weight is Weight.FAILURE:
            pytest.fail(detail(self.result), pytrace=False)
        if weight is Weight.REMARK:
            said = (f"{outcome_word(self.result)}: {self.result.sentence}", self.result.waiver)
            pytest.xfail(" ".join(text for text in said if text))

    def reportinfo(self) -> tuple[str, int | None, str]:
        """Name the gate's line in the spec."""
        from auditlens.report.places import place_of

        place = place_of(self.result.gate.location)
        return (place.path, place.line - 1, self.name) if place else ("auditlens", None, self.name)
