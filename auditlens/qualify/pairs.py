"""Audit a model with a planted shortcut and its clean twin, on the same images and with the same spec."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from auditlens.spec.paths import share_folder
from auditlens.stages.collector import uncollected
from auditlens.stages.progress import Progress, Silent
from auditlens.stages.record import AuditRecord

SHIPPED_ARTEFACT = "ruler"
SHIPPED_SEED = 1
N_EVALUATED_SMALL = 200
FIRST_AUDIT_SEED = 1000
"""Fresh pairs are audited on images of this seed plus their own; purposes keep them apart from training anyway."""


@dataclass(frozen=True, slots=True)
class PairRecords:
    """Both audits, and what was planted."""

    artefact: str
    seed: int
    planted: AuditRecord
    clean: AuditRecord


def audit_pair(
    out: Path,
    *,
    seed: int | None = None,
    artefact: str | None = None,
    store: Path | None = None,
    progress: Progress | None = None,
    side_by_side: bool = False,
    reports: bool = True,
    n_train: int | None = None,
    changes: Mapping[str, Any] | None = None,
) -> PairRecords:
    """Audit the pair that comes with the tool, or train and audit a fresh one.

    Parameters
    ----------
    out : Path
        Gets `planted/` and `clean/` as run folders, and for a fresh pair `models/` with weights, cards and specs.
    seed, artefact : optional
        Either one asks for a fresh pair; the other then takes the shipped pair's value.
    side_by_side : bool
        Audit the twin in a second process; each audit then uses one thread, which two cores do best with.
    reports : bool
        False writes no reports (for counting over many pairs).
    n_train : int, optional
        Training images of a fresh pair; the testbed's own number by default.
    changes : mapping, optional
        Parts of the spec that a fresh pair's specs set otherwise than the demonstration's.
    """
    told = progress if progress is not None else Silent()
    specs = share_folder("specs")
    planted, clean = specs / "demo_dermoscopy.yaml", specs / "demo_dermoscopy_clean.yaml"
    if seed is not None or artefact is not None:
        seed, artefact = SHIPPED_SEED if seed is None else seed, artefact or SHIPPED_ARTEFACT
        planted, clean = fresh_pair(out / "models", seed, artefact, told, n_train, changes)
    here, there = _Job(planted, out / "planted", store, reports), _Job(clean, out / "clean", store, reports)
    first, second = _side_by_side(here, there, told) if side_by_side else (here.run(told), there.run(told))
    return PairRecords(artefact or SHIPPED_ARTEFACT, SHIPPED_SEED if seed is None else seed, first, second)


@dataclass(frozen=True, slots=True)
class _Job:
    spec: Path
    out: Path
    store: Path | None
    reports: bool

    def run(self, progress: Progress | None = None) -> AuditRecord:
        """Audit on one thread: equal bytes wherever it runs."""
        with uncollected():  # takes seconds: both processes import it at the same time
            from auditlens import api

        return api.audit(
            self.spec, out=self.out, store=self.store, progress=progress, device="cpu", threads=1, reports=self.reports
        )


def _side_by_side(here: _Job, there: _Job, progress: Progress) -> tuple[AuditRecord, AuditRecord]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        other = pool.submit(there.run)
        own = here.run(progress)
        progress.stage("Auditing the clean twin beside it", None)
        record = other.result()
        progress.done()
    return own, record


def fresh_pair(
    folder: Path,
    seed: int,
    artefact: str,
    progress: Progress,
    n_train: int | None = None,
    changes: Mapping[str, Any] | None = None,
) -> tuple[Path, Path]:
    """Train a pair, unless the folder holds it, and write a spec for each, which builds on the demonstration's."""
    from auditlens.gather.memory import keep_freed_memory
    from auditlens.testbed.train import N_TRAIN, train_pair

    weights = {kind: folder / f"{kind}.safetensors" for kind in ("planted", "clean")}
    if not all(_is_trained(path, seed, artefact, n_train or N_TRAIN) for path in weights.values()):
        keep_freed_memory()
        progress.stage(f"Training a model with a planted {artefact.replace('_', ' ')}, and its clean twin", None)
        if n_train is None:
            train_pair(seed, artefact, folder)
        else:
            train_pair(seed, artefact, folder, n_train=n_train, n_evaluated=N_EVALUATED_SMALL)
        progress.done()
    planted, clean = (
        _write_spec(folder / f"{kind}.yaml", path, seed, artefact, kind, changes or {})
        for kind, path in weights.items()
    )
    return planted, clean


def _is_trained(weights: Path, seed: int, artefact: str, n_train: int) -> bool:
    from auditlens.testbed.weights_io import read_origin

    if not weights.is_file():
        return False
    origin = read_origin(weights)
    return (origin.seed, origin.artefact, origin.n_train) == (seed, artefact, n_train)


def _write_spec(path: Path, weights: Path, seed: int, artefact: str, kind: str, changes: Mapping[str, Any]) -> Path:
    from auditlens.testbed.weights_io import read_origin

    words = artefact.replace("_", " ")
    title = f"the model with a planted {words}" if kind == "planted" else f"the clean twin of a planted {words}"
    document = {
        "auditlens": 1,
        "include": [str(share_folder("specs") / "demo_dermoscopy.yaml")],
        "audit": {"id": f"PAIR-{seed}-{artefact}-{kind}", "title": f"Shortcut audit of {title} (seed {seed})"},
        "model": {"weights": weights.name, "reference_predictions": []},
        "decision": {"class": "melanoma", "threshold": float(read_origin(weights).threshold), "source": "card"},
        "data": {"generate": {"arguments": {"seed": FIRST_AUDIT_SEED + seed}}},
        **changes,
    }
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path
