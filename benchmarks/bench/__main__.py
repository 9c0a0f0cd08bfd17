"""`python -m benchmarks.bench`: run all rows, print the table, write docs/results/bench.json."""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import torch

from auditlens.gather.memory import keep_freed_memory
from benchmarks.bench import (
    class_relevance,
    collection,
    concept_database,
    crop_rate,
    insertion_pass,
    memory,
    polysemanticity,
    timing,
)
from benchmarks.bench.document import table, write_document
from benchmarks.bench.timing import Row

Measure = Callable[[Path, bool, str], Row]
ROWS: Final[dict[str, Measure]] = {
    "collection": collection.measure,
    "class-relevance": class_relevance.measure,
    "crops": crop_rate.measure,
    "polysemanticity": polysemanticity.measure,
    "concept-database": concept_database.measure,
    "insertion": insertion_pass.measure,
    "memory": memory.measure,
}
RESULTS: Final = Path("docs/results/bench.json")
BEFORE: Final = Path("docs/results/bench_before.json")
DOCUMENT: Final = Path("docs/performance.md")
PEERS: Final = (
    "torch",
    "torchvision",
    "numpy",
    "zennit",
    "zennit-crp",
    "semanticlens",
    "scikit-learn",
    "open_clip_torch",
)


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, not how fast")
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), default=list(ROWS), help="some rows only")
    parser.add_argument("--out", type=Path, default=None, help=f"results; {RESULTS} by default, none with --quick")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"put the results' tables into {DOCUMENT}, run nothing"
    )
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--clock", choices=list(timing.CLOCKS), default="wall", help="cpu: on a busy machine")
    options = parser.parse_args()
    timing.clock[:] = [options.clock]
    out = options.out or (None if options.quick else RESULTS)
    if not options.write_docs:
        results = run(options.rows, options.quick, options.threads)
        print(table(results))
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps(_with_earlier(results, out), indent=1) + "\n", encoding="utf-8")
    if options.write_docs or out == RESULTS:
        earlier = json.loads(BEFORE.read_text(encoding="utf-8")) if BEFORE.is_file() else None
        write_document(json.loads(RESULTS.read_text(encoding="utf-8")), earlier, DOCUMENT)


def run(names: list[str], quick: bool, threads: int) -> dict[str, Any]:
    """Measure rows one after the other, on the processor and, where there is one, on a GPU."""
    torch.set_num_threads(threads)
    keep_freed_memory()
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    how = {"quick": quick, "clock": timing.clock[0]}
    rows = []
    for name in names:
        for device in devices if name not in ("polysemanticity", "memory") else devices[:1]:
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                row = ROWS[name](Path(folder), quick, device)
            rows.append({**asdict(row), "met": [item.met for item in row.ratios], "device": device, **how})
            print(f"{name} on {device}: {time.perf_counter() - start:.0f} s", flush=True)
    return {"machine": machine(threads), "rows": rows}


def machine(threads: int) -> dict[str, Any]:
    """What the figures were measured on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": _processor(),
        "python": platform.python_version(),
        "torch threads": threads,
        "gpu": gpu,
        "packages": {name: version(name) for name in PEERS if _is_installed(name)},
        "date": time.strftime("%Y-%m-%d"),
    }


def _is_installed(name: str) -> bool:
    """Whether a peer is there; rows without peers run without them."""
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.machine()


def _with_earlier(results: dict[str, Any], path: Path) -> dict[str, Any]:
    """Keep the rows of an earlier run that this one did not repeat."""
    if not path.is_file():
        return results
    measured = {row["key"] for row in results["rows"]}
    earlier = [row for row in json.loads(path.read_text(encoding="utf-8"))["rows"] if row["key"] not in measured]
    order = list(ROWS)
    return results | {"rows": sorted([*earlier, *results["rows"]], key=lambda row: order.index(row["key"]))}


if __name__ == "__main__":
    main()
