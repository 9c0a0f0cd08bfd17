"""The last step: the run folder with its record and reports, and what differs between equal runs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auditlens.gather.context import Context
from auditlens.gather.memory import peak_memory
from auditlens.preview.costs import about
from auditlens.report.places import folder_in_repository
from auditlens.report.write import write_all, write_manifest
from auditlens.spec.load import LoadedSpec
from auditlens.spec.sets import kept_variables
from auditlens.stages.record import AuditRecord
from auditlens.store.rates import Rates, keep_rates


def default_out(loaded: LoadedSpec, suffix: str = "") -> Path:
    """Run folder of a spec that names none: `reports/<audit id>-<spec hash>/`; a part of it has a suffix."""
    name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in loaded.spec.audit.id)
    seen = name.lstrip(".")[:100]  # neither hidden nor longer than a file system takes
    return Path("reports") / f"{seen}-{loaded.sha256[:8]}{suffix}"


@dataclass(frozen=True, slots=True)
class ThisRun:
    """What differs between equal runs.

    Attributes
    ----------
    folder : Path
    loaded : LoadedSpec
    variables : mapping of str to str
        As the call gave them.
    context : Context
    begun : float
        `time.monotonic()` when the run began.
    look : mapping or None
        The look at the sealed data.
    """

    folder: Path
    loaded: LoadedSpec
    variables: Mapping[str, str]
    context: Context
    begun: float
    look: Mapping[str, str | int] | None

    def write(self, seconds: float) -> None:
        """Write `run.json`, and the manifest with it."""
        text = json.dumps(self.described(seconds), indent=2)
        (self.folder / "run.json").write_text(text + "\n", encoding="utf-8")
        write_manifest(self.folder)

    def described(self, seconds: float) -> dict[str, Any]:
        """Times, places on this machine, and what the store already had."""
        store = self.context.store
        return {
            "spec": str(self.loaded.path.absolute()),
            "spec_folder": folder_in_repository(self.loaded.path),
            "variables": kept_variables(self.loaded.spec, self.variables),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 1),
            "stored_results_read": store.hits,
            "results_computed": store.misses,
            "computed": {
                stage: {"items": spent.n_items, "seconds": round(spent.seconds, 2)}
                for stage, spent in sorted(store.spent.items())
            },
            "beside": {part: {"seconds": round(spent.seconds, 2)} for part, spent in store.laps.spent.items()},
            "store": str(store.root),
        } | ({"look": dict(self.look)} if self.look is not None else {})


def write_run(run: ThisRun, record: AuditRecord, *, reports: bool) -> None:
    """Write the record, the reports where they are wanted, and how long all of it took."""
    run.write(time.monotonic() - run.begun)  # the writers need its places
    run.context.progress.stage("Writing the reports", None)
    write_all(run.folder, record, None if reports else ("record.json",))
    run.context.progress.done(str(run.folder))
    store = run.context.store
    store.laps.end("reports" if reports else "record", len(run.context.index))
    keep_rates(store.root, Rates(about(run.context), store.spent, store.laps.spent, peak_memory()))
    run.write(time.monotonic() - run.begun)
