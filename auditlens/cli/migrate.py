"""`auditlens migrate SPEC`: an older spec rewritten for the format of today, comments kept."""

from __future__ import annotations

from pathlib import Path

import click

from auditlens.cli.options import spec_argument
from auditlens.errors import AuditLensError


@click.command()
@spec_argument
@click.option("--out", type=click.Path(path_type=Path), help="New file to write; standard output by default.")
@click.option("--in-place", is_flag=True, help="Write over SPEC itself.")
def migrate(spec: Path, out: Path | None, in_place: bool) -> None:
    """Rewrite SPEC, which has an older version, for the format of today.

    Comments, anchors, quotes and the order of the keys stay. Every change is told on standard error.
    """
    if out is not None and in_place:
        raise AuditLensError("give --out or --in-place, not both")
    if out is not None and out.exists():
        raise AuditLensError(f"{str(out)!r} exists; name a new file, or give --in-place to write over the spec itself")
    from auditlens.spec.migrate import migrate as rewritten
    from auditlens.spec.reading import read_text
    from auditlens.spec.versions import CURRENT

    done = rewritten(read_text(spec, str(spec)), str(spec))
    if done.version == CURRENT:
        click.echo(f"{spec}: version {CURRENT} already, nothing to do", err=True)
        if out is None and not in_place:
            _put(done.text, None)  # `auditlens migrate SPEC > NEW` gives a whole spec, whatever SPEC was
        return
    click.echo(f"{spec}: version {done.version} rewritten as version {CURRENT}", err=True)
    for change in done.changes:
        click.echo(f"  {change}", err=True)
    _put(done.text, spec if in_place else out)


def _put(text: str, target: Path | None) -> None:
    if target is None:
        click.echo(text, nl=False)
        return
    try:
        target.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise AuditLensError(f"cannot write {str(target)!r}: {error.strerror}") from error
    click.echo(f"{target}: written; next: auditlens validate {target}", err=True)
