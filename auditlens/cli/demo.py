"""`auditlens demo`: a model with a planted shortcut, which fails its gates, and its clean twin, which holds them."""

from __future__ import annotations

from pathlib import Path

import click

from auditlens.cli.options import store_option
from auditlens.stages.record import AuditRecord
from auditlens.stages.states import ExitCode

ARTEFACTS = ("ruler", "band_aid", "hair", "ink", "red_skin", "dark_corner")


@click.command()
@click.option("--seed", type=click.IntRange(min=0), help="Train a fresh pair with this seed (minutes).")
@click.option("--artefact", type=click.Choice(ARTEFACTS), help="The shortcut to plant in a freshly trained pair.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports/demo"),
    show_default=True,
    help="Folder of both runs.",
)
@store_option
@click.option("--quiet", is_flag=True, help="No progress display.")
def demo(seed: int | None, artefact: str | None, out: Path, store: Path | None, quiet: bool) -> int:
    """Audit a model with a planted shortcut and its clean twin, on generated images.

    Without options, the two models that come with the tool are audited (ruler, seed 1). With --seed or --artefact a
    fresh pair is trained first, which takes minutes. The exit code is 0 when both audits ran, whatever they found.
    """
    from auditlens.cli.progress import shown_progress
    from auditlens.cli.verdict_text import print_verdict
    from auditlens.qualify.pairs import audit_pair

    with shown_progress(quiet=quiet) as progress:
        pair = audit_pair(out, seed=seed, artefact=artefact, store=store, progress=progress, side_by_side=True)
    for name, record in (("planted", pair.planted), ("clean", pair.clean)):
        click.echo(f"\n=== {_title(name, pair.artefact)} ===")
        print_verdict(record, out / name)
    click.echo("\n" + _summary(pair.planted, pair.clean, pair.artefact))
    click.echo(f"Open {out / 'planted' / 'report.html'} and {out / 'clean' / 'report.html'}")
    return int(ExitCode.HOLDS)


def _title(name: str, artefact: str) -> str:
    words = artefact.replace("_", " ")
    return f"The model with the planted {words}" if name == "planted" else "Its clean twin"


def _summary(planted: AuditRecord, clean: AuditRecord, artefact: str) -> str:
    """Say in two lines what the pair shows, as it came out."""
    words = artefact.replace("_", " ")
    return (
        f"Model trained with a planted {words}: {planted.verdict.headline.lower()}.\n"
        f"Its clean twin: {clean.verdict.headline.lower()}."
    )
