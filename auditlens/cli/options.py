"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from auditlens.errors import AuditLensError
from auditlens.stages.states import Severity

if TYPE_CHECKING:
    from auditlens.stages.verdict import Policy

F = TypeVar("F", bound=Callable[..., Any])


class SpecOptions(TypedDict):
    """Which part of a spec, and whose code may run: `variables_option`, `code_options`, `selection_options`."""

    variables: Mapping[str, str]
    allow_code: bool
    allow_modules: tuple[str, ...]
    select: tuple[str, ...]
    exclude: tuple[str, ...]
    tier: str | None
    data: str | None


class CallOptions(SpecOptions):
    """With what `machine_options` and `pass_options` take: the options that `run` and `plan` hand on as they are."""

    device: str
    store: Path | None
    batch_size: int | None
    threads: int | None


def spec_argument(command: F) -> F:
    """Take the spec's path; that it exists is checked by the loader, which also names the nearest file."""
    return click.argument("spec", type=click.Path(path_type=Path))(command)


def variables_option(command: F) -> F:
    """Take `--var NAME=VALUE`, any number of times."""
    return click.option(
        "--var",
        "variables",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_as_mapping,
        help="Value of ${var:NAME} in the spec; may be given several times.",
    )(command)


def code_options(command: F) -> F:
    """Take `--allow-code` and `--allow-module NAME`, which the command gets as `allow_code` and `allow_modules`."""
    command = click.option(
        "--allow-module",
        "allow_modules",
        metavar="NAME",
        multiple=True,
        help="Run functions of this module or package that the spec names; may be given several times.",
    )(command)
    return click.option(
        "--allow-code", is_flag=True, help="Run all code that the spec names; without it, or --allow-module, none runs."
    )(command)


def part_options(command: F) -> F:
    """Take `--tier` and `--data`, under these names."""
    tier = click.option("--tier", metavar="NAME", help="A tier of the spec, such as pr.")
    data = click.option("--data", metavar="NAME", help="Which of data.sets to audit; the tier's, or the sealed one.")
    return tier(data(command))


def store_option(command: F) -> F:
    """Take `--store`."""
    return click.option(
        "--store", type=click.Path(path_type=Path), help="Folder of the stored results; see `auditlens doctor`."
    )(command)


def machine_options(command: F) -> F:
    """Take `--device` and `--store`."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where the models run; auto takes cuda where there is one.",
    )(store_option(command))


def pass_options(command: F) -> F:
    """Take `--batch-size` and `--threads`."""
    size = click.option("--batch-size", type=click.IntRange(min=1), help="Images per forward pass; part of the plan.")
    threads = click.option("--threads", type=click.IntRange(min=1), help="CPU threads; part of the plan.")
    return size(threads(command))


def selection_options(command: F) -> F:
    """Take `--select`, `--exclude`, `--tier` and `--data`, under these names."""
    options = (
        click.option(
            "--select",
            metavar="KEY=VALUE[,VALUE]",
            multiple=True,
            help="Only gates by class, artefact, gate or tag; may be given several times: the same key is OR, "
            "different keys AND.",
        ),
        click.option(
            "--exclude",
            metavar="KEY=VALUE[,VALUE]",
            multiple=True,
            help="Leave out gates by class, artefact, gate or tag; may be given several times.",
        ),
        part_options,
    )
    for option in reversed(options):
        command = option(command)
    return command


def policy_options(command: F) -> F:
    """Take `--fail-on` and `--allow-inconclusive`; `policy_of` turns them into a policy."""
    severity = click.option(
        "--fail-on",
        type=click.Choice(["warn", "error"]),
        default="error",
        show_default=True,
        help="Lowest severity of a gate that changes the exit code.",
    )
    undecided = click.option(
        "--allow-inconclusive", is_flag=True, help="Exit with 0 instead of 3 where gates could not be decided."
    )
    return severity(undecided(command))


def format_option(command: F) -> F:
    """Take `--format`."""
    return click.option(
        "--format",
        "shown",
        type=click.Choice(["text", "github"]),
        default="text",
        show_default=True,
        help="github: annotations too, and the step's summary and outputs, inside of a GitHub workflow.",
    )(command)


def policy_of(fail_on: str, allow_inconclusive: bool) -> Policy:
    """What counts for the exit code."""
    from auditlens.stages.verdict import Policy

    return Policy(fail_on=Severity(fail_on), allow_inconclusive=allow_inconclusive)


def baselines_option(command: F) -> F:
    """Take `--baseline RECORD` or `--baseline NAME=RECORD`, any number of times."""
    return click.option(
        "--baseline",
        "baselines",
        metavar="[NAME=]RECORD",
        multiple=True,
        callback=lambda context, parameter, texts: _named_records(texts),
        help="Earlier run folder, or its record.json, to compare with; named `baseline` unless a name is given.",
    )(command)


BASELINE_NAME = re.compile(r"[A-Za-z_][\w.-]*")


def _named_records(texts: tuple[str, ...]) -> dict[str, str]:
    """Split name and path; what stands before the sign is a name only where it looks like one."""
    found: dict[str, str] = {}
    for text in texts:
        name, sign, path = text.partition("=")
        name, path = (name, path) if sign and path and BASELINE_NAME.fullmatch(name) else ("baseline", text)
        if name in found:
            raise click.BadParameter(f"two baselines are named {name!r}; write NAME=RECORD")
        found[name] = path
    return found


def _as_mapping(context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Split the pairs."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not (name and sign):
            raise click.BadParameter(f"{pair!r} is no NAME=VALUE", context, parameter)
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice", context, parameter)
        found[name] = value
    return found


def need_folder(path: Path) -> None:
    """Refuse a folder that is none.

    Raises
    ------
    AuditLensError
    """
    if not path.is_dir():
        raise AuditLensError(f"there is no folder {str(path)!r}")
