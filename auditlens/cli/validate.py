"""`auditlens validate SPEC`: every fault of a spec at once, without a model or an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditlens.cli.options import part_options, spec_argument, variables_option
from auditlens.errors import Fault, SpecError
from auditlens.stages.states import ExitCode

if TYPE_CHECKING:
    from auditlens.spec.load import LoadedSpec
    from auditlens.spec.model import AuditSpec


@click.command()
@spec_argument
@click.option("--strict", is_flag=True, help="Take what is doubtful for an error.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="How faults are told: lines, a JSON list, or annotations of GitHub Actions.",
)
@variables_option
@part_options
def validate(
    spec: Path, strict: bool, form: str, variables: Mapping[str, str], tier: str | None, data: str | None
) -> int:
    """Check SPEC: fields, names, files, columns, layers and gates, all faults at once as file:line:col.

    With --tier or --data: for a run of that tier or set, so that images which it does not read need not be here.

    Exit code 0 where it is valid, 2 where it is not.
    """
    loaded, faults = checked(spec, variables, tier, data)
    if strict:
        faults = tuple(replace(fault, severity="error") for fault in faults)
    wrong = any(fault.severity == "error" for fault in faults)
    _tell(spec, faults, form)
    if loaded is not None and not wrong and form == "text":
        click.echo(f"{spec}: valid: {summary(loaded.spec)}")
        click.echo(f"sha256: {loaded.sha256}")
        for line in unread_lines(loaded, tier, data):
            click.echo(line)
        for line in code_lines(loaded):
            click.echo(line)
    return ExitCode.USER_ERROR if wrong else ExitCode.HOLDS


def checked(
    spec: Path, variables: Mapping[str, str], tier: str | None = None, data: str | None = None
) -> tuple[LoadedSpec | None, tuple[Fault, ...]]:
    """Load a spec with every check that needs no model; what is doubtful is looked for where nothing is wrong.

    Raises
    ------
    AuditLensError
        There is no such tier or set.
    """
    from auditlens.data.declared import check_data
    from auditlens.plan.selection import Selection, choose
    from auditlens.spec.doubts import note_doubts
    from auditlens.spec.load import load_spec
    from auditlens.spec.nodes import Problems
    from auditlens.spec.weight_rules import check_weights

    try:
        checks = (partial(check_data, tier=tier, data=data), check_weights)
        loaded = load_spec(spec, variables, checks=checks, tier=tier, data=data)
    except SpecError as error:
        return None, error.faults
    if tier is not None or data is not None:
        choose(loaded, Selection.parse(), tier, data)
    problems = Problems(set(loaded.warnings))
    note_doubts(loaded, date.today(), problems)
    return loaded, problems.warnings


def _tell(spec: Path, faults: Sequence[Fault], form: str) -> None:
    from auditlens.cli.faults import as_annotations, as_json

    if form == "json":
        click.echo(as_json(faults))
    elif form == "github":
        for line in as_annotations(faults, f"auditlens validate {spec}"):
            click.echo(line)
    else:
        for line in SpecError("", faults=faults).problems:
            click.echo(line, err=True)


def unread_lines(loaded: LoadedSpec, tier: str | None, data: str | None) -> list[str]:
    """Say which sets were not looked at."""
    from auditlens.spec.sets import unread_sets

    unread = sorted(unread_sets(loaded.root, tier, data))
    return [f"not looked at: the set {name}, which such a run does not read" for name in unread]


def code_lines(loaded: LoadedSpec) -> list[str]:
    """Say which code of the spec an audit would run, and how it is allowed."""
    from auditlens.spec.user_code import code_uses

    uses = code_uses(loaded)
    return [
        f"code: {use.function}, allowed by --allow-module {use.module} or --allow-code"
        if use.function
        else f"code: pickled in {use.file}, allowed by --allow-code"
        for use in uses
    ]


def summary(spec: AuditSpec) -> str:
    """Count what a spec holds."""
    counts = {
        "concept": len(spec.concepts),
        "class rule": len(spec.classes),
        "artefact": len(spec.artefacts),
        "gate": len(spec.gates),
        "waiver": len(spec.waivers),
    }
    return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts.items())
