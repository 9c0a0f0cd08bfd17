"""`auditlens run SPEC`: the audit, its verdict on the terminal, its reports in a folder, its exit code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from auditlens.cli.chosen import chosen_spec
from auditlens.cli.faults import told_to
from auditlens.cli.options import (
    CallOptions,
    baselines_option,
    code_options,
    format_option,
    machine_options,
    pass_options,
    policy_of,
    policy_options,
    selection_options,
    spec_argument,
    variables_option,
)
from auditlens.errors import AuditLensError
from auditlens.stages.collector import uncollected

if TYPE_CHECKING:
    from auditlens.stages.record import AuditRecord
    from auditlens.stages.verdict import Policy


@click.command()
@spec_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Run folder; reports/<audit id>-<spec hash>/ by default, with the tier and a hash of the selection, if any.",
)
@policy_options
@format_option
@machine_options
@variables_option
@code_options
@selection_options
@baselines_option
@click.option("--quiet", is_flag=True, help="No progress display; the verdict is still printed.")
@pass_options
def run(
    spec: Path,
    out: Path | None,
    fail_on: str,
    shown: str,
    allow_inconclusive: bool,
    baselines: Mapping[str, str],
    quiet: bool,
    **call: Unpack[CallOptions],
) -> int:
    """Audit the model that SPEC describes, print the verdict and write the reports.

    A run that was cut off goes on where it stopped when it is started again.
    """
    with told_to(shown, f"auditlens validate {spec}"):
        record, folder = _audited(spec, out, quiet, policy_of(fail_on, allow_inconclusive), baselines, call)
    _tell(record, folder, shown)
    return int(record.verdict.exit_code)


def _audited(
    spec: Path, out: Path | None, quiet: bool, policy: Policy, baselines: Mapping[str, str], call: CallOptions
) -> tuple[AuditRecord, Path]:
    # What is wrong with the spec, what it names, or the selection is told before torch is loaded.
    chosen = chosen_spec(spec, call)
    if out is not None and out.exists() and not out.is_dir():
        raise AuditLensError(f"--out {str(out)!r} is a file; name a folder")
    with uncollected():
        from auditlens import api
    from auditlens.cli.progress import shown_progress

    folder = out or api.default_out(chosen.loaded, chosen.suffix)
    with shown_progress(quiet=quiet) as progress:
        record = api.audit(spec, out=folder, progress=progress, policy=policy, baselines=baselines, **call)
    return record, folder


def _tell(record: AuditRecord, folder: Path, shown: str) -> None:
    from auditlens.cli.verdict_text import print_for_github, print_verdict

    (print_for_github if shown == "github" else print_verdict)(record, folder)
