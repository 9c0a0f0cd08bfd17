"""The console entry: one table of commands, loaded when asked for, and the one place where errors end."""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn

import click

from auditlens.errors import AuditLensError, SpecError, nearest
from auditlens.stages.states import ExitCode
from auditlens.version import __version__


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: where it is defined, and its line in the help, so that the help needs to load nothing."""

    module: str
    function: str
    summary: str


COMMANDS: Final[dict[str, Entry]] = {
    "run": Entry("auditlens.cli.run", "run", "Run an audit: verdict, reports, exit code."),
    "init": Entry("auditlens.cli.init", "init", "Write a commented spec to start from."),
    "validate": Entry("auditlens.cli.validate", "validate", "Check a spec without running anything."),
    "report": Entry("auditlens.cli.report", "report", "Write the reports of a run again from its record."),
    "plan": Entry("auditlens.cli.plan", "plan", "Say what a run would do, cost and decide, without running it."),
    "lock": Entry("auditlens.cli.lock", "lock", "Fix a spec before the run, and amend what was fixed."),
    "sign": Entry("auditlens.cli.sign", "sign", "Sign a record."),
    "check": Entry("auditlens.cli.check", "check", "Verify that a record belongs to a model and a spec; its verdict."),
    "log": Entry("auditlens.cli.log", "log", "Log a finished run to MLflow."),
    "prune": Entry("auditlens.cli.prune", "prune", "Silence components of an audited model and audit it again."),
    "demo": Entry("auditlens.cli.demo", "demo", "Audit a model with a planted shortcut and its clean twin."),
    "doctor": Entry("auditlens.cli.doctor", "doctor", "Say what is installed, what is missing and how to get it."),
    "compare": Entry("auditlens.cli.compare", "compare", "Set two or more runs side by side."),
    "augment": Entry("auditlens.cli.augment", "augment", "Write artefact-augmented copies of training images."),
    "concepts": Entry("auditlens.cli.concepts", "concepts", "List and show the concept libraries."),
    "migrate": Entry("auditlens.cli.migrate", "migrate", "Rewrite a spec of an older version, comments kept."),
    "salt-ids": Entry("auditlens.cli.salt_ids", "salt_ids", "Write a list of salted ids, to find overlaps by."),
    "schema": Entry("auditlens.cli.schema", "schema", "Print the JSON Schema of the spec."),
}


class Commands(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands whose module is there."""
        return [name for name, entry in COMMANDS.items() if importlib.util.find_spec(entry.module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, or find none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        entry = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(entry.module), entry.function)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where one is misspelt."""
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            valid = ", ".join(self.list_commands(ctx))
            ctx.fail(f"there is no command {name!r}; valid are {valid}{nearest(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in self.list_commands(ctx)])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="auditlens")
def auditlens() -> None:
    """Audit image classifiers for shortcuts.

    A spec says what the model may use and what it must not; `auditlens run SPEC` measures both and decides.

    Exit codes: 0 all gates hold, 1 a gate fails, 2 the spec or the call is wrong, 3 a gate could not be decided, 4 a
    fault of auditlens, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (`ExitCode`); the one place where errors end.

    Parameters
    ----------
    arguments : sequence of str, optional
        `sys.argv[1:]` by default.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # no search through all installed packages
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot show stops no audit
    try:
        with _ended_as_interrupted():
            return _called(sys.argv[1:] if arguments is None else list(arguments))
    except click.ClickException as error:
        error.show()
        return ExitCode.USER_ERROR
    except AuditLensError as error:
        click.echo(_told(error), err=True)
        return ExitCode.USER_ERROR
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; finished work is kept and the next run goes on from it", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader of the output, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ExitCode.INTERRUPTED
    except (Exception, SystemExit):  # the audited model's own code must not choose the exit code
        click.echo(_own_fault(traceback.format_exc()), err=True)
        return ExitCode.INTERNAL_ERROR


@contextmanager
def _ended_as_interrupted() -> Iterator[None]:
    """Take the signals by which CI services and closed terminals end a job for the interruption that they are."""
    in_main = threading.current_thread() is threading.main_thread()  # no other may set handlers
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if in_main and hasattr(signal, name)]
    mine = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]  # `nohup` ignores, and shall
    for number in mine:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _called(arguments: list[str]) -> int:
    """Call the command; click's own `main` is left out, since it turns some errors into exit codes of its own."""
    try:
        with auditlens.make_context("auditlens", arguments) as context:
            code = auditlens.invoke(context)
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    sys.stdout.flush()
    return int(code or 0)


def _told(error: AuditLensError) -> str:
    """Write an error: one located line per problem of a spec, else one line."""
    located = error.location or (isinstance(error, SpecError) and error.problems)
    return str(error) if located else f"error: {error}"


def _own_fault(trace: str) -> str:
    return (
        f"{trace}\nthis is a fault of ours, not of your spec (auditlens {__version__}); please report it with the above"
    )


if __name__ == "__main__":
    sys.exit(main())
