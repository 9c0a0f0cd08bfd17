"""`auditlens salt-ids MANIFEST`: a list of salted ids, for whoever must not hand over the ids themselves."""

from __future__ import annotations

import os
from pathlib import Path

import click

from auditlens.errors import AuditLensError, InputError


@click.command("salt-ids")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--column", required=True, help="Column with the ids, such as patient_id.")
@click.option(
    "--salt-env",
    required=True,
    metavar="NAME",
    help="Environment variable that holds the salt: at least 16 characters, the same on both sides.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
def salt_ids(manifest: Path, column: str, salt_env: str, out: Path) -> int:
    """Write the distinct ids of a column of MANIFEST (CSV or Parquet), each as a salted hash, one a line.

    The file goes to whoever audits; the ids and the salt stay out of it.
    """
    from auditlens.data.salted import column_ids, list_text
    from auditlens.store.atomic import write_bytes_atomically

    salt = salt_in(salt_env)
    ids, n_empty = column_ids(manifest, column)
    if not ids:
        raise InputError(f"every cell of the column {column!r} is empty, so there is nothing to write")
    if out.is_dir():
        raise AuditLensError(f"--out {str(out)!r} is a folder; name a file")
    write_bytes_atomically(out, list_text(ids, salt).encode())
    empty = f"; {n_empty} rows have none" if n_empty else ""
    click.echo(f"{out}: {len(ids)} distinct ids of {column}, salted{empty}")
    return 0


def salt_in(name: str) -> str:
    """Read the salt.

    Raises
    ------
    AuditLensError
        Not set, or too short to keep ids from being guessed.
    """
    from auditlens.spec.overlap import SHORTEST_SALT

    salt = os.environ.get(name)
    if salt is None:
        raise AuditLensError(f"the environment variable {name} is not set")
    if len(salt) < SHORTEST_SALT:
        raise AuditLensError(f"the salt in {name} is shorter than {SHORTEST_SALT} characters; ids could be guessed")
    return salt
