"""The SHA-256 of every file that a spec can name one for, as found when it was loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auditlens.gather.context import Context
from auditlens.spec.baseline_rules import record_file
from auditlens.spec.model import AuditSpec, Model
from auditlens.spec.paths import resolve
from auditlens.stages.planned_run import FoundHash
from auditlens.store.folders import file_sha256
from auditlens.store.python_objects import load_function, source_sha256


def found_hashes(declared: AuditSpec, context: Context) -> Iterator[FoundHash]:
    """Sources of preprocessing functions, weights, the file that ships, the foundation models, and baselines.

    Parameters
    ----------
    declared : AuditSpec
        As the spec has it; `context` may have been loaded without comparing.
    context : Context
    """
    model = declared.model
    yield from _callables(model, context.base)
    if context.subject.weights_sha256 is not None and model.architecture is not None:
        yield _found("model.sha256", "the weights", context.subject.weights_sha256, model.sha256)
    if context.released is not None and model.released is not None:
        yield _found("model.released.sha256", "the file that ships", context.released.sha256, model.released.sha256)
    if context.foundation is not None and declared.foundation is not None:
        found = context.foundation.sha256
        yield _found("foundation.sha256", "the foundation model", found, declared.foundation.sha256)
    for place, (part, other) in enumerate(zip(declared.opinions, context.opinions, strict=True)):
        yield _found(f"opinions.{place}.sha256", f"the foundation model {part.model}", other.sha256, part.sha256)
    yield from _baselines(declared, context.base)


def _callables(model: Model, base: Path) -> Iterator[FoundHash]:
    """Source files of functions that prepare images; they have been imported by now."""
    folder = resolve(model.import_path, base) if model.import_path is not None else None
    released = model.released.preprocessing if model.released is not None else None
    for field, part in (("model.preprocessing", model.preprocessing), ("model.released.preprocessing", released)):
        if part is not None and part.callable is not None:
            found = source_sha256(load_function(part.callable, folder))
            yield _found(f"{field}.sha256", "the source of the preprocessing", found, part.sha256)


def _baselines(declared: AuditSpec, base: Path) -> Iterator[FoundHash]:
    """Records of the spec's baselines; one that is not there is told by the run."""
    for name, baseline in declared.baselines.items():
        file = record_file(resolve(baseline.record, base)) if baseline.record is not None else None
        if file is not None and file.is_file():
            yield _found(f"baselines.{name}.sha256", "the record", file_sha256(file), baseline.sha256)


def without_hashes(spec: AuditSpec) -> AuditSpec:
    """The spec with no hash to compare a file with: for finding out which ones would be right."""
    blank: dict[str, None] = {"sha256": None}
    released = spec.model.released
    if released is not None:
        prepared = released.preprocessing and released.preprocessing.model_copy(update=blank)
        released = released.model_copy(update=blank | {"preprocessing": prepared})
    preprocessing = spec.model.preprocessing.model_copy(update=blank)
    model = spec.model.model_copy(update=blank | {"released": released, "preprocessing": preprocessing})
    return spec.model_copy(
        update={
            "model": model,
            "foundation": spec.foundation.model_copy(update=blank) if spec.foundation is not None else None,
            "opinions": tuple(part.model_copy(update=blank) for part in spec.opinions),
        }
    )


def _found(field: str, what: str, sha256: str, declared: str | None) -> FoundHash:
    return FoundHash(field=field, what=what, sha256=sha256, declared=declared)
