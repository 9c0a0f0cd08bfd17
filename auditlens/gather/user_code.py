"""Which code of the spec ran, for the record: each function with the SHA-256 of the file it stands in."""

from __future__ import annotations

from auditlens.spec.load import LoadedSpec
from auditlens.spec.paths import resolve
from auditlens.spec.user_code import CodeUse, code_uses
from auditlens.store.folders import file_sha256
from auditlens.store.python_objects import load_function, source_sha256


def code_that_runs(loaded: LoadedSpec) -> tuple[str, ...]:
    """List the spec's code as `module:function sha256`, or `file sha256` where a file holds it; each once.

    The SHA-256 is that of the function's source file, as `sha256sum` prints it. Called when the code was allowed and
    has been imported.
    """
    return tuple(dict.fromkeys(_cited(use, loaded) for use in code_uses(loaded)))


def _cited(use: CodeUse, loaded: LoadedSpec) -> str:
    if use.file:
        return f"{use.file} {file_sha256(resolve(use.file, loaded.base))}"
    folder = resolve(use.import_path, loaded.base) if use.import_path is not None else None
    return f"{use.function} {source_sha256(load_function(use.function, folder))}"
