"""The table of commands, the one catch point, and what the light commands do not load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from auditlens.cli import main as entry
from auditlens.cli.main import COMMANDS, Entry, main
from auditlens.errors import Fault, InputError, Location, SpecError
from auditlens.stages.states import ExitCode
from auditlens.version import __version__

HEAVY = (
    "torch",
    "torchvision",
    "scipy",
    "pandas",
    "altair",
    "numpy",
    "sklearn",
    "pyarrow",
    "PIL",
    "rich",
    "weasyprint",
)


@pytest.fixture
def command(monkeypatch):
    """Put a command `boom` into the table that does what it is told."""

    def install(action):
        monkeypatch.setitem(COMMANDS, "boom", Entry(__name__, "boom", "Do it."))
        monkeypatch.setitem(globals(), "boom", click.Command("boom", callback=action))

    return install


def raising(error):
    def action():
        raise error

    return action


def test_the_exit_code_is_what_the_command_returns(command):
    command(lambda: ExitCode.UNDECIDED)
    assert main(["boom"]) == 3
    command(lambda: None)
    assert main(["boom"]) == 0


def test_an_error_of_the_user_is_one_line_on_stderr_without_a_traceback(command, capsys):
    command(raising(InputError("labels.csv has no column 'x'", hint="name one of a, b")))
    assert main(["boom"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: labels.csv has no column 'x' (name one of a, b)\n"


def test_a_located_error_begins_with_its_place(command, capsys):
    command(raising(InputError("wrong", location=Location("s.yaml", 3, 4))))
    assert main(["boom"]) == 2
    assert capsys.readouterr().err == "s.yaml:3:4: wrong\n"


def test_all_problems_of_a_spec_are_printed(command, capsys):
    command(
        raising(
            SpecError("bad", faults=[Fault(Location("s.yaml", n, 1), "", word) for n, word in ((1, "a"), (2, "b"))])
        )
    )
    assert main(["boom"]) == 2
    assert capsys.readouterr().err == "s.yaml:1:1: a\ns.yaml:2:1: b\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_is_130(command, capsys, error):
    command(raising(error))
    assert main(["boom"]) == 130
    assert "finished work is kept" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_a_job_interrupts_it(command, capsys, number):
    before = signal.signal(number, signal.SIG_DFL)
    try:
        command(lambda: os.kill(os.getpid(), number) or time.sleep(5))
        assert main(["boom"]) == 130
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert "finished work is kept" in capsys.readouterr().err


def test_what_the_caller_ignores_stays_ignored(command):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        command(lambda: os.kill(os.getpid(), signal.SIGHUP))
        assert main(["boom"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("error", [RuntimeError("oh"), RecursionError(), MemoryError(), SystemExit(0)])
def test_anything_else_is_a_fault_of_ours_with_its_traceback(command, capsys, error):
    command(raising(error))
    assert main(["boom"]) == 4
    captured = capsys.readouterr()
    assert "Traceback" in captured.err
    assert "this is a fault of ours" in captured.err
    assert __version__ in captured.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rum"], "there is no command 'rum'; valid are run, "),
        (["rum"], "did you mean 'run'?"),
        (["validate"], "Missing argument 'SPEC'"),
        (["validate", "a", "--nope"], "No such option"),
        (["run", "a", "--fail-on", "x"], "'x' is not one of 'warn', 'error'"),
        (["run", "a", "--batch-size", "0"], "0 is not in the range x>=1"),
        (["run", "a", "--var", "X"], "'X' is no NAME=VALUE"),
        (["run", "a", "--var", "X=1", "--var", "X=2"], "'X' is given twice"),
    ],
)
def test_a_wrong_call_is_2_and_says_what_is_valid(capsys, arguments, said):
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_no_arguments_show_the_help(capsys):
    assert main([]) == 2
    assert "Usage:" in "".join(capsys.readouterr())


def test_the_help_lists_only_commands_that_exist(monkeypatch, capsys):
    monkeypatch.setitem(COMMANDS, "later", Entry("auditlens.cli.not_written_yet", "later", "Some day."))
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "validate" in out
    assert "later" not in out
    assert main(["later"]) == 2


def test_every_entry_of_the_table_is_a_command_with_help(monkeypatch):
    for name, command in COMMANDS.items():
        found = entry.auditlens.get_command(click.Context(entry.auditlens), name)
        assert found is not None, command
        assert found.name == name


def installed(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """Run the installed command as a user does."""
    script = Path(sys.executable).with_name("auditlens")
    return subprocess.run(
        [script, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options
    )


def test_the_installed_command_answers(spec):
    assert installed("--version").stdout == f"auditlens, version {__version__}\n"
    assert installed("--help").returncode == 0
    good = installed("validate", str(spec))
    assert good.returncode == 0
    assert all(": warning: " in line for line in good.stderr.splitlines())
    assert f"{spec}: valid: 0 concepts, 0 class rules, 0 artefacts, 1 gate, 0 waivers\n" in good.stdout


def test_the_installed_command_tells_a_broken_spec(spec):
    spec.write_text(spec.read_text().replace("threshold", "treshold"))
    for command in ("validate", "run"):
        broken = installed(command, str(spec))
        assert broken.returncode == 2
        assert broken.stdout == ""
        assert broken.stderr.splitlines()[1].startswith(f"{spec}:5:29: decision.treshold: there is no such field")


def test_a_reader_that_goes_away_is_no_traceback():
    script = Path(sys.executable).with_name("auditlens")
    with subprocess.Popen([script, "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 130


def test_a_terminal_that_knows_only_ascii_stops_nothing(spec, tmp_path):
    path = tmp_path / "größe.yaml"
    path.write_text(spec.read_text(), encoding="utf-8")
    done = installed("validate", str(path), env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--help"], ["--version"], ["validate", "SPEC"], ["schema"], ["nonsense"]),
        *(["init"], ["concepts", "list"], ["concepts", "show", "abcde"], ["migrate", "SPEC"]),
    ],
)
def test_light_commands_load_nothing_heavy(arguments, spec):
    arguments = [str(spec) if word == "SPEC" else word for word in arguments]
    code = (
        "import sys; from auditlens.cli.main import main; main(sys.argv[1:]);"
        f"print('LOADED', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=spec.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_the_package_is_the_command():
    done = subprocess.run([sys.executable, "-m", "auditlens", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"auditlens, version {__version__}\n")
