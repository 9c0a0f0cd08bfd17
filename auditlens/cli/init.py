"""`auditlens init`: a commented spec to start from, an example that runs or a draft for the user's data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditlens.errors import AuditLensError

if TYPE_CHECKING:
    from auditlens.data.survey import Survey

EXAMPLES = ("dermoscopy", "xray", "imagenet", "minimal")


@click.command()
@click.option("--example", type=click.Choice(EXAMPLES), help="The example to write; minimal by default.")
@click.option(
    "--from-data",
    "data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Draft a spec for the images in DIR instead: class folders, or a table (CSV, TSV, Parquet).",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("audit.yaml"), show_default=True, help="The file to write."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(example: str | None, data: Path | None, out: Path, force: bool) -> None:
    """Write a commented spec to start from, and the schema beside it, so that editors complete and check it.

    Every example runs as it stands, on generated images and a small model that comes with the tool.
    """
    if example and data:
        raise AuditLensError("give --example or --from-data, not both")
    if out.is_dir():
        raise AuditLensError(f"--out {str(out)!r} is a folder; name a file")
    if out.exists() and not force:
        raise AuditLensError(f"{str(out)!r} exists; give --force to write over it, or --out for another file")
    if data is None:
        _write(out, _example(example or "minimal"), force)
        click.echo(_next_steps(out))
        return
    from auditlens.data.survey import survey

    found = survey(data)
    _draft(found, out, force)


def _example(name: str) -> str:
    from auditlens.spec.paths import share_folder

    return (share_folder("specs") / f"example_{name}.yaml").read_text(encoding="utf-8")


def _write(out: Path, text: str, force: bool) -> None:
    """Write the spec and, beside it, the schema that its first line names."""
    from auditlens.spec.schema import SCHEMA_FILE, schema_text

    schema = out.parent / SCHEMA_FILE
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        kept = schema.exists() and not force and schema.read_text(encoding="utf-8", errors="replace") != schema_text()
        if not kept:
            schema.write_text(schema_text(), encoding="utf-8")
    except OSError as error:
        raise AuditLensError(f"cannot write {error.filename or str(out)!r}: {error.strerror}") from error
    other = "left as it is, though it is not the schema of this version; --force writes it again"
    click.echo(f"{out}: written")
    click.echo(f"{schema}: {other if kept else 'written, for your editor'}")


def _next_steps(out: Path) -> str:
    return f"next: auditlens validate {out}\n      auditlens run {out}"


def _draft(found: Survey, out: Path, force: bool) -> None:
    """Write the draft and say what was found, what was not, and which lines are to be changed."""
    from auditlens.data.draft import draft, to_change

    text = draft(found, out.absolute().parent)
    _write(out, text, force)
    click.echo("\n".join(_findings(found)))
    blanks = to_change(text)
    if blanks:
        click.echo(f"to change, since nothing in the data says it ({len(blanks)} lines):")
        click.echo("\n".join(f"  {out}:{line}: {written}" for line, written in blanks))
    click.echo(f"next: edit it, then auditlens validate {out}")


def _findings(found: Survey) -> list[str]:
    where = found.table or found.images
    lines = [f"found in {found.folder}:", f"  {where}: {found.n_images:,} images"]
    classes = [f"{name} {count:,}" for name, count in found.classes[:8]]
    more = len(found.classes) - len(classes)
    facts = {
        "image": found.image,
        "label": found.label,
        "classes": ", ".join([*classes, *([f"and {more} more"] if more else [])]),
        "unit (patient)": found.unit,
        "mask": found.mask,
        "0/1 columns": ", ".join(found.flags),
        "strata": ", ".join(found.strata),
        "weights": found.weights and found.weights.name,
    }
    lines += [f"  {fact}: {value}" for fact, value in facts.items() if value]
    missing = [fact for fact, value in facts.items() if not value and (found.table or fact in ("classes", "weights"))]
    lines += [f"  not found: {', '.join(missing)}"] if missing else []
    return [*lines, *(f"  note: {note}" for note in found.notes)]
