"""`auditlens validate SPEC`: every fault of a spec at once, without a model or an image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditlens.cli.options import spec_argument, variables_option

if TYPE_CHECKING:
    from auditlens.spec.model import AuditSpec


@click.command()
@spec_argument
@variables_option
def validate(spec: Path, variables: Mapping[str, str]) -> None:
    """Check SPEC: fields, names, files and gates, all faults at once as file:line:col.

    Exit code 0 where it is valid, 2 where it is not.
    """
    from auditlens.spec.load import load_spec

    loaded = load_spec(spec, variables)
    click.echo(f"{spec}: valid: {summary(loaded.spec)}")
    click.echo(f"sha256: {loaded.sha256}")


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
