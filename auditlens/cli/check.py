"""`auditlens check RECORD --model FILE --spec FILE`: does a record belong to them, and what is its verdict?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import click

from auditlens.cli.options import policy_of, policy_options, variables_option
from auditlens.stages.states import ExitCode, GateState


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="The file that ships, or the weights where the record is of an eager model alone.",
)
@click.option("--spec", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The audit's spec.")
@variables_option
@click.option(
    "--public-key", type=click.Path(path_type=Path), metavar="PEM", help="Key that the record is signed with."
)
@click.option("--unsigned", is_flag=True, help="Accept a record that nobody signed.")
@policy_options
@click.option("--allow-no-release", is_flag=True, help="Accept a verdict that cannot release, such as a tier's.")
def check(
    record: Path,
    model: Path,
    spec: Path,
    variables: Mapping[str, str],
    public_key: Path | None,
    unsigned: bool,
    fail_on: str,
    allow_inconclusive: bool,
    allow_no_release: bool,
) -> int:
    """Verify that RECORD belongs to a model file and a spec, and return its verdict as exit code.

    Needs neither data nor GPU. Verified are the run folder's manifest, the signature, the SHA-256 of the model file and
    of the spec (files that the spec names need not be here), and that the verdict follows from the findings. Waivers
    that have expired since the run count no more.

    Exit codes are those of `run`; 2 where anything does not belong together, and 3 where all gates hold and the verdict
    cannot release (a tier, a selection, one look too many), unless --allow-no-release.
    """
    from auditlens.protocol.check import check_record

    if unsigned == (public_key is not None):
        raise click.UsageError("give --public-key PEM, or --unsigned for a record that nobody signed")
    policy, today = policy_of(fail_on, allow_inconclusive), date.today()
    found = check_record(record, model, spec, variables=variables, public_key=public_key, today=today, policy=policy)
    for line in found.lines:
        click.echo(line)
    click.echo(f"verdict: {found.verdict.headline}")
    n_open = sum(result.state is not GateState.HOLDS for result in found.verdict.gates)
    for sentence in found.verdict.sentences[:n_open]:  # those that hold come last
        click.echo(f"  {sentence}")
    code = found.verdict.exit_code
    if not found.verdict.barred or code is not ExitCode.HOLDS:
        return int(code)
    for note in found.verdict.notes:
        click.echo(f"  {note}")
    click.echo("cannot release" + (", which is allowed here" if allow_no_release else ""))
    return int(ExitCode.HOLDS if allow_no_release else ExitCode.UNDECIDED)
