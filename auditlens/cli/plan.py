"""`auditlens plan SPEC`: what a run would do, what it would cost, and what its gates can decide; nothing is run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from auditlens.cli.chosen import chosen_spec
from auditlens.cli.options import code_options, selection_options, spec_argument, variables_option
from auditlens.stages.planned_run import PlannedRun
from auditlens.stages.states import ExitCode


@click.command()
@spec_argument
@variables_option
@code_options
@selection_options
@click.option("--store", type=click.Path(path_type=Path), help="Folder of the stored results; see `auditlens doctor`.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the run would compute; auto takes cuda where there is one.",
)
@click.option("--batch-size", type=click.IntRange(min=1), help="Images per forward pass, as the run would have it.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads, as the run would have them.")
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
    variables: Mapping[str, str],
    allow_code: bool,
    allow_modules: tuple[str, ...],
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    tier: str | None,
    data: str | None,
    store: Path | None,
    device: str,
    batch_size: int | None,
    threads: int | None,
    form: str,
    write_hashes: bool,
    force: bool,
) -> int:
    """Say what a run of SPEC would do, on what, at which cost, and what its gates can decide.

    The model, the images' list and the foundation model are loaded; no image goes through any of them. What is in the
    store already is named. Gates that cannot hold with so few images come first.

    Exit code 0, also where a gate cannot hold; 2 where the spec is wrong.
    """
    if force and not write_hashes:
        raise click.UsageError("--force belongs to --write-hashes")
    # What is wrong with the spec, what it names, or the selection is told before torch is loaded.
    chosen_spec(
        spec,
        variables,
        allow_code=allow_code,
        allow_modules=allow_modules,
        select=select,
        exclude=exclude,
        tier=tier,
        data=data,
    )
    from auditlens import api
    from auditlens.cli.hashes import write_found
    from auditlens.cli.plan_text import print_plan

    def planned(*, compare: bool) -> PlannedRun:
        return api.plan(
            spec,
            device=device,
            store=store,
            variables=variables,
            batch_size=batch_size,
            threads=threads,
            allow_code=allow_code,
            allow_modules=allow_modules,
            select=select,
            exclude=exclude,
            tier=tier,
            data=data,
            compare_hashes=compare,
        )

    found = planned(compare=not force)
    if write_hashes:
        for line in write_found(spec, variables, found.hashes, force=force):
            click.echo(line, err=form == "json")
        found = planned(compare=True)
    if form == "json":
        click.echo(found.model_dump_json(indent=2))
    else:
        print_plan(found)
    return int(ExitCode.HOLDS)
