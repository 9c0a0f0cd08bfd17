"""How long earlier runs took and what they used: the material of the estimates of `plan`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from auditlens.stages.base import canonical_json
from auditlens.store.atomic import write_bytes_atomically
from auditlens.store.content import Spent

FOLDER: Final = "rates"


@dataclass(frozen=True, slots=True)
class Rates:
    """Times of an earlier run.

    Attributes
    ----------
    about : mapping of str to JSON
        The model, its architecture, the machine, batch size and threads.
    stages : mapping of stage to Spent
        What was computed, and how long it took.
    rest : float
        Seconds that went into reading, judging and writing, per run.
    peak : int
        Most memory of the process, in bytes; 0 where the system does not tell.
    """

    about: Mapping[str, Any]
    stages: Mapping[str, Spent]
    rest: float = 0.0
    peak: int = 0


def keep_rates(root: Path, rates: Rates) -> None:
    """Keep what a run measured; stages that it read from the store keep what an earlier run measured of them."""
    earlier = next((found for found in all_rates(root) if found.about == dict(rates.about)), None)
    stages = {**(earlier.stages if earlier else {}), **rates.stages}
    document = {
        "about": dict(rates.about),
        "stages": {name: [spent.n_items, round(spent.seconds, 4)] for name, spent in sorted(stages.items())},
        "rest": round(rates.rest, 2),
        "peak": max(rates.peak, earlier.peak if earlier else 0),
    }
    name = hashlib.sha256(canonical_json(dict(rates.about)).encode()).hexdigest()[:32]
    write_bytes_atomically(root / FOLDER / f"{name}.json", canonical_json(document).encode())


def all_rates(root: Path) -> Iterator[Rates]:
    """Everything that was kept, the latest first; what cannot be read is passed over."""
    files = sorted((root / FOLDER).glob("*.json"), key=lambda path: (-path.stat().st_mtime_ns, path.name))
    for path in files:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            stages = {name: Spent(int(n), float(seconds)) for name, (n, seconds) in found["stages"].items()}
            yield Rates(found["about"], stages, float(found["rest"]), int(found["peak"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
