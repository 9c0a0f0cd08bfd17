"""`auditlens schema`: print the JSON Schema of the spec."""

from __future__ import annotations

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of the spec, for editors and other tools.

    The same text is published as specs/auditlens-1.schema.json.
    """
    from auditlens.spec.schema import schema_text

    click.echo(schema_text(), nl=False)
