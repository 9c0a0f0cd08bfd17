"""Row 6: peak memory of the engine's path, with few images and with ten times as many, each in a fresh process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

from benchmarks.bench.timing import Ratio, Row

SIDE, BATCH, PERIOD = 32, 64, 0.02
MEBIBYTE = 1 << 20


def measure(folder: Path, quick: bool, device: str = "cpu") -> Row:
    """Run the path on both numbers of images."""
    few, many = (500, 2_000) if quick else (2_000, 20_000)
    from benchmarks.bench.workload import pictures

    pictures(folder / "images", many, SIDE)
    found = {n: _in_a_process(folder, n) for n in (few, many)}
    ratios = []
    for kind in ("peak RSS", "peak anonymous"):
        value = found[many][kind] / found[few][kind]
        ratios.append(Ratio(f"{kind}, {many} images / {few} images", value, value, value, 1.10))
    checks = {f"{kind} with {n} images, MiB": found[n][kind] for n in found for kind in ("peak RSS", "peak anonymous")}
    return Row(
        key="memory",
        title="Peak memory of collection, relevance, crops and embeddings through the store",
        setting={"side of the images": SIDE, "batch": BATCH, "components": 64},
        seconds={f"{n} images": [found[n]["seconds"]] for n in found},
        ratios=tuple(ratios),
        bound="the interpreter, torch and one chunk of images; per image only names, logits and labels are held",
        checks=checks,
    )


def _in_a_process(folder: Path, n_images: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.bench.memory", str(folder), str(n_images)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the measured process failed: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


class Peak:
    """Watches the process: highest resident set as the kernel counts it, highest anonymous part as sampled.

    Anonymous memory is what the process itself holds. The resident set also counts pages of files that were read
    through a mapping (libraries, stored results); the kernel takes those back whenever something else needs room.
    """

    def __init__(self) -> None:
        self._anonymous = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(PERIOD):
            self._anonymous = max(self._anonymous, _status("RssAnon"))

    def stop(self) -> dict[str, float]:
        """MiB of both."""
        self._over.set()
        self._thread.join()
        return {"peak RSS": _status("VmHWM") / MEBIBYTE, "peak anonymous": self._anonymous / MEBIBYTE}


def _status(field: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    match = re.search(rf"^{field}:\s+(\d+) kB$", text, re.MULTILINE)
    if match is None:
        raise RuntimeError(f"the system does not tell {field}")
    return int(match[1]) * 1024


def run(folder: Path, n_images: int) -> dict[str, float]:
    """Run the engine's path on the first images of a folder, as an audit does, and tell the peaks."""
    import time

    from benchmarks.bench.engine_path import examine_all

    peak, start = Peak(), time.perf_counter()
    examine_all(folder / "images", n_images, folder / f"store-{n_images}", BATCH)
    return {**peak.stop(), "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print(json.dumps(run(Path(sys.argv[1]), int(sys.argv[2]))))
