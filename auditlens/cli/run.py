"""`auditlens run SPEC`: the audit, its verdict on the terminal, its reports in a folder, its exit code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditlens.cli.chosen import chosen_spec
from auditlens.cli.options import (
    baselines_option,
    code_options,
    format_option,
    policy_of,
    policy_options,
    selection_options,
    spec_argument,
    variables_option,
)
from auditlens.errors import AuditLensError

if TYPE_CHECKING:
    from auditlens.stages.record import AuditRecord


@click.command()
@spec_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Run folder; reports/<audit id>-<spec hash>/ by default, with the tier and a hash of the selection, if any.",
)
@policy_options
@format_option
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the models run; auto takes cuda where there is one.",
)
@click.option("--store", type=click.Path(path_type=Path), help="Folder of the stored results; see `auditlens doctor`.")
@variables_option
@code_options
@selection_options
@baselines_option
@click.option("--quiet", is_flag=True, help="No progress display; the verdict is still printed.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Images per forward pass; part of the plan.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; part of the plan.")
def run(
    spec: Path,
    out: Path | None,
    fail_on: str,
    shown: str,
    device: str,
    store: Path | None,
    allow_inconclusive: bool,
    variables: Mapping[str, str],
    allow_code: bool,
    allow_modules: tuple[str, ...],
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    tier: str | None,
    baselines: Mapping[str, str],
    data: str | None,
    quiet: bool,
    batch_size: int | None,
    threads: int | None,
) -> int:
    """Audit the model that SPEC describes, print the verdict and write the reports.

    A run that was cut off goes on where it stopped when it is started again.
    """
    # What is wrong with the spec, what it names, or the selection is told before torch is loaded.
    chosen = chosen_spec(
        spec,
        variables,
        allow_code=allow_code,
        allow_modules=allow_modules,
        select=select,
        exclude=exclude,
        tier=tier,
        data=data,
    )
    if out is not None and out.exists() and not out.is_dir():
        raise AuditLensError(f"--out {str(out)!r} is a file; name a folder")
    from auditlens import api
    from auditlens.cli.progress import shown_progress

    folder = out or api.default_out(chosen.loaded, chosen.suffix)
    with shown_progress(quiet=quiet) as progress:
        record = api.audit(
            spec,
            out=folder,
            device=device,
            store=store,
            variables=variables,
            progress=progress,
            batch_size=batch_size,
            threads=threads,
            allow_code=allow_code,
            allow_modules=allow_modules,
            select=select,
            exclude=exclude,
            tier=tier,
            policy=policy_of(fail_on, allow_inconclusive),
            baselines=baselines,
            data=data,
        )
    _tell(record, folder, shown)
    return int(record.verdict.exit_code)


def _tell(record: AuditRecord, folder: Path, shown: str) -> None:
    from auditlens.cli.verdict_text import print_for_github, print_verdict

    (print_for_github if shown == "github" else print_verdict)(record, folder)
