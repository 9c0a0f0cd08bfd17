"""`auditlens sign RECORD --key PEM`: a detached signature beside a record."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="PEM",
    required=True,
    help="Private Ed25519 key; of one with a password, the password is taken from $AUDITLENS_KEY_PASSWORD.",
)
def sign(record: Path, key: Path) -> None:
    """Sign RECORD, a run folder or its record.json: the signature goes into record.json.sig beside it.

    The first line is the signature in base64, the second says whose it is. The same record and key give the same file.
    """
    from auditlens.protocol.signature import SUFFIX, load_key, signature_text
    from auditlens.report.reading import read_record
    from auditlens.spec.baseline_rules import record_file
    from auditlens.store.atomic import write_bytes_atomically

    path = record_file(record)
    read_record(path)  # what is no record is not signed as one
    text = signature_text(path.read_bytes(), load_key(key))
    write_bytes_atomically(path.with_name(path.name + SUFFIX), text.encode())
    click.echo(f"{path.name}{SUFFIX}: {text.splitlines()[1]}")
