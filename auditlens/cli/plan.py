"""`auditlens plan SPEC`: what a run would do, what it would cost, and what its gates can decide; nothing is run."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from auditlens.cli.chosen import chosen_spec
from auditlens.cli.options import (
    CallOptions,
    code_options,
    machine_options,
    pass_options,
    selection_options,
    spec_argument,
    variables_option,
)
from auditlens.stages.collector import uncollected
from auditlens.stages.states import ExitCode


@click.command()
@spec_argument
@variables_option
@code_options
@selection_options
@machine_options
@pass_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text for people, or everything as JSON.",
)
@click.option("--write-hashes", is_flag=True, help="Write the SHA-256 of every file that lacks one into SPEC.")
@click.option("--force", is_flag=True, help="With --write-hashes: replace hashes that differ.")
def plan(
    spec: Path,
    form: str,
    write_hashes: bool,
    force: bool,
    **call: Unpack[CallOptions],
) -> int:
    """Say what a run of SPEC would do, on what, at which cost, and what its gates can decide.

    The model, the images' list and the foundation model are loaded; no image goes through any of them. What is in the
    store already is named. Gates that cannot hold with so few images come first.

    Exit code 0, also where a gate cannot hold; 2 where the spec is wrong.
    """
    if force and not write_hashes:
        raise click.UsageError("--force belongs to --write-hashes")
    # What is wrong with the spec, what it names, or the selection is told before torch is loaded.
    chosen_spec(spec, call)
    with uncollected():
        from auditlens import api
    from auditlens.cli.hashes import write_found
    from auditlens.cli.plan_text import print_plan

    found = api.plan(spec, **call, compare_hashes=not force)
    if write_hashes:
        for line in write_found(spec, call["variables"], found.hashes, force=force):
            click.echo(line, err=form == "json")
        found = api.plan(spec, **call)
    if form == "json":
        click.echo(found.model_dump_json(indent=2))
    else:
        print_plan(found)
    return int(ExitCode.HOLDS)
