"""`auditlens augment FOLDER --spec SPEC --out DIR`: artefact-augmented copies of training images, to retrain with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditlens.cli.options import code_options

if TYPE_CHECKING:
    from auditlens.augment.copies import Written


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--spec", type=click.Path(path_type=Path), required=True, help="Spec whose artefacts are put in.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New or empty folder of the copies.")
@click.option("--artefacts", default="all", show_default=True, help="all, or names with commas between.")
@click.option(
    "--probability",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Rate at which a copy gets an artefact, the same for every class.",
)
@click.option("--copies", type=click.IntRange(min=1), default=1, show_default=True, help="Copies of each image.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all draws.")
@code_options
@click.option("--quiet", is_flag=True, help="No progress display.")
def augment(
    folder: Path,
    spec: Path,
    out: Path,
    artefacts: str,
    probability: float,
    copies: int,
    seed: int,
    allow_code: bool,
    allow_modules: tuple[str, ...],
    quiet: bool,
) -> None:
    """Write copies of the images in FOLDER with the spec's artefacts, whatever their label.

    FOLDER has one subfolder per class, or is a manifest (CSV, Parquet). The originals are not touched.
    """
    from auditlens.augment.copies import augment_folder
    from auditlens.cli.progress import shown_progress

    chosen = artefacts if artefacts == "all" else [name.strip() for name in artefacts.split(",")]
    with shown_progress(quiet=quiet) as progress:
        stepped = 0

        def told(done: int, total: int) -> None:
            nonlocal stepped
            if not stepped:
                progress.stage("Writing copies", total)
            progress.advance(done - stepped)
            stepped = done

        written = augment_folder(
            folder,
            spec,
            out,
            artefacts=chosen,
            probability=probability,
            copies=copies,
            seed=seed,
            told=told,
            allow_code=allow_code,
            allow_modules=allow_modules,
        )
        progress.done()
    for line in _summary(written):
        click.echo(line)


def _summary(written: Written) -> list[str]:
    """Say how many copies got an artefact, by class and by artefact."""
    lines = [f"{written.n_copies:,} copies"]
    lines += [
        f"  {label}: {written.n_with[label]:,} of {n:,} with an artefact ({100 * written.n_with[label] / n:.1f} %)"
        for label, n in written.n_of.items()
    ]
    lines += [f"  {name}: {n:,}" for name, n in written.artefacts.items()]
    lines += [f"  {name}: left out, it is made by the audited model" for name in written.left_out]
    return [*lines, f"manifest: {written.manifest}"]
