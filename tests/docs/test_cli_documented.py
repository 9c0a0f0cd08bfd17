"""Every command and option stands in docs/cli.md, and every exit code."""

from pathlib import Path

import click
import pytest

from auditlens.cli.main import COMMANDS, auditlens
from auditlens.stages.states import ExitCode

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
NAMES = auditlens.list_commands(click.Context(auditlens))


def section(name):
    """The text under the command's heading."""
    return TEXT.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_command_has_a_section(name):
    assert f"`auditlens {name}" in section(name)


def family(name):
    """A command and its subcommands."""
    command = auditlens.get_command(click.Context(auditlens), name)
    return [command, *(command.commands.values() if isinstance(command, click.Group) else ())]


@pytest.mark.parametrize("name", NAMES)
def test_its_options_and_arguments_are_in_that_section(name):
    for parameter in (parameter for command in family(name) for parameter in command.params):
        if isinstance(parameter, click.Option):
            for option in parameter.opts:
                assert f"`{option}" in section(name), f"{option} of {name} is not documented"
        else:
            assert parameter.human_readable_name in section(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_and_command_has_a_help_text(name):
    assert COMMANDS[name].summary.endswith(".")
    for command in family(name):
        assert command.help
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{parameter.opts} of {name} has no help"


@pytest.mark.parametrize("name", NAMES)
def test_every_subcommand_is_in_that_section(name):
    for command in family(name)[1:]:
        assert f"`auditlens {name} {command.name}" in section(name)


def test_no_section_speaks_of_a_command_that_is_not_there():
    headings = [line.removeprefix("## ") for line in TEXT.splitlines() if line.startswith("## ")]
    assert set(headings) - {"Exit codes"} == set(NAMES)


@pytest.mark.parametrize("code", list(ExitCode))
def test_the_exit_codes_are_in_the_table(code):
    assert f"\n| {code.value} | " in TEXT
