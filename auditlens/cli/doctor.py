"""`auditlens doctor`: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import json

import click

from auditlens.cli.checks import Check, all_checks
from auditlens.stages.states import ExitCode


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def doctor(as_json: bool) -> int:
    """Say what is installed, what is missing and how to get it.

    Exit code 0 where everything that an audit needs is there, 2 where a required part is missing.
    """
    checks = all_checks()
    click.echo(_as_json(checks) if as_json else _as_text(checks))
    return ExitCode.HOLDS if is_complete(checks) else ExitCode.USER_ERROR


def is_complete(checks: list[Check]) -> bool:
    """Whether no required part is missing."""
    return all(check.ok for check in checks if check.required)


def _as_json(checks: list[Check]) -> str:
    rows = [
        {
            "name": check.name,
            "ok": check.ok,
            "required": check.required,
            "found": check.found,
            "remedy": check.remedy if not check.ok else "",
        }
        for check in checks
    ]
    return json.dumps({"complete": is_complete(checks), "checks": rows}, indent=2)


def _as_text(checks: list[Check]) -> str:
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        mark = "ok" if check.ok else ("MISSING" if check.required else "note")
        lines.append(f"{mark:8}{check.name.ljust(width)}  {check.found}")
        if not check.ok and check.remedy:
            lines += [f"{'':8}{'':{width}}  -> {line}" for line in check.remedy.splitlines()]
    done = "complete: an audit can run" if is_complete(checks) else "not complete: see the parts marked MISSING"
    return "\n".join([*lines, "", done])
