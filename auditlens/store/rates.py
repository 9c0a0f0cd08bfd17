"""How long earlier runs took and what they used: the material of the estimates of `plan`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from auditlens.stages.base import canonical_json
from auditlens.store.atomic import write_bytes_atomically
from auditlens.store.laps import Spent

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
    beside : mapping of part to Spent
        What every run takes beside them (loading, judging, reports); the items are the audited images.
    peak : int
        Most memory of the process, in bytes; 0 where the system does not tell.
    """

    about: Mapping[str, Any]
    stages: Mapping[str, Spent]
    beside: Mapping[str, Spent] = field(default_factory=dict)
    peak: int = 0


def keep_rates(root: Path, rates: Rates) -> None:
    """Keep what a run measured; stages that it read from the store keep what an earlier run measured of them."""
    earlier = next((found for found in all_rates(root) if found.about == dict(rates.about)), None)
    document = {
        "about": dict(rates.about),
        "stages": _written({**(earlier.stages if earlier else {}), **rates.stages}),
        "beside": _written({**(earlier.beside if earlier else {}), **rates.beside}),
        "peak": max(rates.peak, earlier.peak if earlier else 0),
    }
    name = hashlib.sha256(canonical_json(dict(rates.about)).encode()).hexdigest()[:32]
    write_bytes_atomically(root / FOLDER / f"{name}.json", canonical_json(document).encode())


def _written(found: Mapping[str, Spent]) -> dict[str, list[float]]:
    return {
        name: [spent.n_items, round(spent.seconds, 4), round(spent.busy, 4)] for name, spent in sorted(found.items())
    }


def _read(found: Mapping[str, Any]) -> dict[str, Spent]:
    return {name: Spent(int(n), float(seconds), float(busy)) for name, (n, seconds, busy) in found.items()}


def all_rates(root: Path) -> Iterator[Rates]:
    """Everything that was kept, the latest first; what cannot be read is passed over."""
    files = sorted((root / FOLDER).glob("*.json"), key=lambda path: (-path.stat().st_mtime_ns, path.name))
    for path in files:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            yield Rates(found["about"], _read(found["stages"]), _read(found["beside"]), int(found["peak"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
