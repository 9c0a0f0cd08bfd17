"""`auditlens prune RUN`: components of an audited model silenced, and what that changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditlens.cli.options import (
    code_options,
    machine_options,
    need_folder,
    policy_of,
    policy_options,
    variables_option,
)
from auditlens.errors import InputError
from auditlens.stages.states import ExitCode

if TYPE_CHECKING:
    from auditlens.correct.prune import Pruning

STATES = ("spurious", "both")


def _split(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Take commas apart."""
    return tuple(part.strip() for text in given for part in text.split(",") if part.strip())


def _states(context: click.Context, parameter: click.Parameter, given: str) -> tuple[str, ...]:
    states = _split(context, parameter, (given,))
    wrong = [state for state in states if state not in STATES]
    if wrong or not states:
        raise click.BadParameter(f"{', '.join(wrong) or 'none'}; valid are {' and '.join(STATES)}", context, parameter)
    return states


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--components",
    metavar="ID,ID,...",
    multiple=True,
    callback=_split,
    help="Components as the report writes them, such as layer4.1:3,layer4.1:7-; may be given several times.",
)
@click.option("--spurious", metavar="CLASS", help="Instead: all components that the record calls spurious for a class.")
@click.option("--responding", metavar="ARTEFACT", help="Instead: all components that respond to an artefact.")
@click.option(
    "--states",
    metavar="STATE,STATE",
    default="spurious",
    show_default=True,
    callback=_states,
    help="With --spurious: the states that count, spurious and both.",
)
@click.option("--layer", help="With --spurious or --responding: the layer; the last one by default.")
@click.option("--spec", type=click.Path(path_type=Path), help="Spec of the run, if it is not where run.json says.")
@variables_option
@code_options
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the pruned model; RUN-pruned by default.")
@click.option("--no-audit", is_flag=True, help="Write the pruned model, and do not audit it.")
@machine_options
@policy_options
@click.option("--quiet", is_flag=True, help="No progress display.")
def prune(
    run: Path,
    components: tuple[str, ...],
    spurious: str | None,
    responding: str | None,
    states: tuple[str, ...],
    layer: str | None,
    spec: Path | None,
    variables: Mapping[str, str],
    allow_code: bool,
    allow_modules: tuple[str, ...],
    out: Path | None,
    no_audit: bool,
    device: str,
    store: Path | None,
    fail_on: str,
    allow_inconclusive: bool,
    quiet: bool,
) -> int:
    """Silence components of the model that was audited in RUN, write the pruned model, and audit it again.

    The exit code is that of the new audit; 0 with --no-audit.
    """
    need_folder(run)
    if sum((bool(components), spurious is not None, responding is not None)) != 1:
        raise InputError(
            "name --components, --spurious with a class, or --responding with an artefact: one of the three"
        )
    from auditlens.cli.progress import shown_progress
    from auditlens.correct.prune import prune as pruned

    with shown_progress(quiet=quiet) as progress:
        made = pruned(
            run,
            components=components,
            spurious=spurious,
            responding=responding,
            states=states,
            layer=layer,
            spec=spec,
            variables=variables,
            out=out,
            audit_again=not no_audit,
            device=device,
            store=store,
            progress=progress,
            allow_code=allow_code,
            allow_modules=allow_modules,
            policy=policy_of(fail_on, allow_inconclusive),
        )
    click.echo("\n".join(told(made)))
    if made.after is None:
        return ExitCode.HOLDS
    return int(made.after.verdict.exit_code)


def told(made: Pruning) -> list[str]:
    """Say what was silenced and how, what to know, and each gate before and after."""
    from auditlens.cli.verdict_text import report_lines
    from auditlens.report.pruning import CARD, gate_changes
    from auditlens.report.wording import plural

    pruned = made.pruned
    n_folded = sum(row.by == "weights" for row in pruned.components)
    lines = [
        f"silenced: {', '.join(row.id for row in pruned.components)}",
        f"{plural(len(pruned.components), 'component')}: {n_folded} by weights, "
        f"{len(pruned.components) - n_folded} by hooks; largest difference of a logit from the model with them "
        f"set to zero {pruned.gap:.1g}",
        *(f"note: {warning}" for warning in pruned.warnings),
    ]
    if made.after is not None:
        lines += ["", *in_columns([("gate", "before", "after"), *gate_changes(made.before, made.after)])]
        lines += ["", f"before: {made.before.verdict.headline}", f"after: {made.after.verdict.headline}", ""]
        lines += [*report_lines(made.folder / "pruned"), f"comparison: {made.folder / 'compare.html'}"]
    return [*lines, f"model: {made.spec}", f"card: {made.folder / CARD}"]


def in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows as text in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
