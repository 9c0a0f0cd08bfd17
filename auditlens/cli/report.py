"""`auditlens report RUN_DIR`: write the reports of a run again, from its record and files alone."""

from __future__ import annotations

from pathlib import Path

import click

from auditlens.cli.options import format_option, need_folder


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@format_option
def report(run_dir: Path, shown: str) -> None:
    """Write the reports in RUN_DIR again from its record.json, without the model.

    The exit code is 0 when they were written, whatever the verdict is.
    """
    need_folder(run_dir)
    from auditlens.report import write_all
    from auditlens.report.reading import read_record

    record = read_record(run_dir / "record.json")
    for path in write_all(run_dir, record).values():
        click.echo(path)
    if shown == "github":
        from auditlens.cli.verdict_text import print_for_github

        print_for_github(record, run_dir)
