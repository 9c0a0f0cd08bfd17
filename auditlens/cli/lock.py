"""`auditlens lock SPEC`: fix a spec before the run; later changes are amendments."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click

from auditlens.cli.options import spec_argument, variables_option


@click.command()
@spec_argument
@variables_option
@click.option("--by", metavar="NAME", help="Who locks; audit.owner of the spec by default, else the user's name.")
@click.option("--key", type=click.Path(path_type=Path), metavar="PEM", help="Sign with this Ed25519 key.")
@click.option("--amend", metavar="REASON", help="Why a spec that was locked is changed.")
def lock(spec: Path, variables: Mapping[str, str], by: str | None, key: Path | None, amend: str | None) -> None:
    """Fix SPEC before the run: its content, hash, the day and who did it go into the file that protocol.lock names.

    Locking a spec again that has changed since needs --amend; what changed is written down field by field. Waivers, the
    report's settings and the protocol itself are no part of the lock, and nor is what the named files hold: one that is
    not here, such as the sealed images, is a warning.

    Exit code 0; 2 where the spec is wrong, names no lock, or has changed and no reason is given.
    """
    from auditlens.protocol.lock import lock_path, write_lock
    from auditlens.protocol.signature import load_key
    from auditlens.spec.files import check_files
    from auditlens.spec.load import load_spec
    from auditlens.spec.nodes import Problems

    loaded = load_spec(spec, variables, check_paths=False)
    absent = Problems()
    check_files(loaded.root, loaded.base, absent)
    for fault in absent.errors:
        click.echo(replace(fault, severity="warning"), err=True)
    path = lock_path(loaded)
    person = by or loaded.spec.audit.owner or getpass.getuser()
    signing = load_key(key) if key is not None else None
    existed = path.exists()
    written, changes = write_lock(loaded, person, amend=amend, key=signing)
    last = written.entries[-1]
    if not existed:
        click.echo(f"{path}: locked on {last.date} by {last.by}")
    elif changes:
        click.echo(f"{path}: amendment {len(written.entries) - 1} on {last.date} by {last.by}: {last.reason}")
    else:
        click.echo(f"{path}: the spec is the one that was locked on {written.entries[0].date}; nothing was written")
    for change in changes:
        click.echo(f"  {change}")
    click.echo(f"sha256: {last.spec_sha256}")
