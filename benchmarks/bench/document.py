"""Results as Markdown: for the terminal, and between the markers of docs/performance.md."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- bench:begin; written by `python -m benchmarks.bench --write-docs` -->"
END: Final = "<!-- bench:end -->"


def table(results: dict[str, Any]) -> str:
    """One line per ratio: median over the rounds, range, target."""
    head = ["measurement", "on", "ratio", "median", "range", "target", "met"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for row in results["rows"]:
        for item, met in zip(row["ratios"], row["met"], strict=True):
            cells = [row["key"], _on(row), item["name"], _figure(item["value"])]
            cells += [f"{_figure(item['low'])} to {_figure(item['high'])}", _target(item), _met(met)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def details(results: dict[str, Any]) -> str:
    """Sizes, seconds, checks and bounds, row by row."""
    parts = []
    for row in results["rows"]:
        parts.append(f"**{row['title']}** ({_on(row)}). {_setting(row['setting'])}. Bounded by {row['bound']}.")
        lines = [f"- {name}: {_seconds(values)}" for name, values in row["seconds"].items()]
        lines += [f"- {name}: {_figure(value)}" for name, value in row["checks"].items()]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def write_document(results: dict[str, Any], earlier: dict[str, Any] | None, path: Path) -> None:
    """Replace what stands between the markers; `earlier` are results of the code before, for comparison.

    Raises
    ------
    ValueError
        The document has no markers.
    """
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no line {BEGIN!r} followed by {END!r}")
    body = f"{_machine(results)}\n\n{table(results)}\n\n{details(results)}"
    if earlier is not None:
        body += f"\n\n## The same before\n\nThe code of commit 68844ca, with these benchmarks.\n\n{table(earlier)}"
    path.write_text(f"{before}{BEGIN}\n{body}\n{END}{after}", encoding="utf-8")


def _machine(results: dict[str, Any]) -> str:
    found = results["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in found["packages"].items())
    threads = f"{found['torch threads']} torch thread{'s' if found['torch threads'] != 1 else ''}"
    gpu = f"; {found['gpu']}" if found["gpu"] else "; no GPU"
    where = f"{found['processor']}{gpu}; {threads}, Python {found['python']}"
    return f"Measured {found['date']} on {where}, {packages}."


def _on(row: dict[str, Any]) -> str:
    """Say the device, and what was other than usual."""
    return ", ".join([row["device"], *["processor time"] * (row["clock"] == "cpu"), *["small sizes"] * row["quick"]])


def _figure(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _target(item: dict[str, Any]) -> str:
    if item["target"] is None:
        return ""
    return f"{'at most' if item['at_most'] else 'at least'} {item['target']:g}"


def _met(met: bool | None) -> str:
    return "" if met is None else "yes" if met else "no"


def _seconds(values: list[float]) -> str:
    rounds = f"{len(values)} round{'s' if len(values) != 1 else ''}"
    return f"{statistics.median(values):.3g} s (lowest {min(values):.3g}, {rounds})"


def _setting(setting: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {_plain(value)}" for name, value in setting.items())


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
