"""`auditlens log RUN_DIR`: a finished run goes to an experiment tracker."""

from __future__ import annotations

from pathlib import Path

import click

from auditlens.cli.options import need_folder


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Choice(["mlflow"]), default="mlflow", show_default=True, help="The tracker.")
@click.option("--uri", help="Tracking server or folder; what MLFLOW_TRACKING_URI says by default.")
@click.option("--experiment", default="auditlens", show_default=True, help="Experiment, made where it is not there.")
@click.option("--name", help="Name of the run; the audit's id and version by default.")
def log(run_dir: Path, target: str, uri: str | None, experiment: str, name: str | None) -> None:
    """Log the run in RUN_DIR: estimates as metrics, outcomes and hashes as tags, reports as artifacts.

    The exit code is 0 when it was logged, whatever the verdict is. Needs `pip install 'auditlens[mlflow]'`.
    """
    need_folder(run_dir)
    from auditlens.export.mlflow_run import log_run

    run_id = log_run(run_dir, uri=uri, experiment=experiment, run_name=name)
    click.echo(f"{target} run: {run_id}")
