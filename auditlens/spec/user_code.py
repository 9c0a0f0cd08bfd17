"""Code that a spec names: where it does, what it would run, and whether the caller has allowed it.

A spec is data, and reading one must not run anything. Some fields name Python functions all the same, and one kind of
file can hold pickled code. None of it is imported or opened unless the caller allows it, in full (`--allow-code`) or
module by module (`--allow-module`); everything is refused at once, before anything of it is imported.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditlens.spec.load import LoadedSpec
from auditlens.spec.nodes import Leaf, Problems, select
from auditlens.spec.nodes import Path as Keys
from auditlens.spec.paths import OWN_CODE, PYTHON, Pattern, resolve
from auditlens.spec.references import text_at

CODE_FIELDS: Final[dict[Pattern, str]] = {
    ("model", "architecture"): PYTHON,
    ("model", "preprocessing", "callable"): "",
    ("model", "released", "preprocessing", "callable"): "",
    ("data", "generate", "factory"): "",
    ("data", "sets", "*", "generate", "factory"): "",
    ("artefacts", "*", "function"): "",
}
"""Every field that may name a Python function, and what stands before `module:function` where it does."""
EXPORTED: Final = frozenset({"archive_format", "serialized_exported_program.json"})
"""Members that an archive of torch.export has, and no other released file."""


@dataclass(frozen=True, slots=True)
class CodePolicy:
    """Which code of a spec may run.

    Attributes
    ----------
    everything : bool
        All of it (`--allow-code`).
    modules : frozenset of str
        Modules and packages (`--allow-module`); a package covers the modules below it.
    """

    everything: bool = False
    modules: frozenset[str] = frozenset()

    @classmethod
    def of(cls, allow_code: bool = False, allow_modules: Iterable[str] = ()) -> CodePolicy:
        """Make a policy from what a caller gave; one name may be given as plain text."""
        names = (allow_modules,) if isinstance(allow_modules, str) else tuple(allow_modules)
        return cls(allow_code, frozenset(names))

    def allows(self, module: str) -> bool:
        """Whether a module may be imported for a spec."""
        parts = module.split(".")
        return self.everything or any(".".join(parts[:n]) in self.modules for n in range(1, len(parts) + 1))


NO_CODE: Final = CodePolicy()


@dataclass(frozen=True, slots=True)
class CodeUse:
    """One field that runs code.

    Attributes
    ----------
    path : Keys
        The field.
    function : str
        `module:function`; empty for a file with pickled code.
    import_path : str or None
        Folder that is looked in first, as the spec writes it.
    file : str
        The file, as the spec writes it; empty for a function.
    """

    path: Keys
    function: str = ""
    import_path: str | None = None
    file: str = ""

    @property
    def module(self) -> str:
        """The module that is imported."""
        return self.function.partition(":")[0]


def code_uses(loaded: LoadedSpec) -> tuple[CodeUse, ...]:
    """List what a spec would run, in the order of `CODE_FIELDS`; `OWN_CODE` does not count."""
    return (*_functions(loaded), *_archives(loaded))


def _functions(loaded: LoadedSpec) -> Iterator[CodeUse]:
    for pattern, prefix in CODE_FIELDS.items():
        for path, node in select(loaded.root, pattern):
            text = node.value if isinstance(node, Leaf) else None
            if not isinstance(text, str) or not text.startswith(prefix):
                continue
            name = text.removeprefix(prefix)
            if OWN_CODE.get(name) != path[-1]:
                yield CodeUse(path, name, _import_path(loaded, path))


def _import_path(loaded: LoadedSpec, path: Keys) -> str | None:
    owner = path[:2] if path[0] == "artefacts" else path[:1]
    return None if path[0] == "data" else text_at(loaded.root, *owner, "import_path")


def _archives(loaded: LoadedSpec) -> Iterator[CodeUse]:
    """Archives of torch.export, whose loading falls back to full unpickling."""
    released = loaded.spec.model.released
    if released is not None and (
        released.format == "export" or (released.format == "auto" and _is_export(resolve(released.file, loaded.base)))
    ):
        yield CodeUse(("model", "released", "file"), file=released.file)


def _is_export(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False  # whoever opens it says what is wrong with it
    inner = {name.partition("/")[2] for name in names}
    return bool(EXPORTED & {*names, *inner}) and not any(name.startswith("code/") for name in inner)


def check_code(loaded: LoadedSpec, policy: CodePolicy, below: Collection[Keys] | None = None) -> None:
    """Refuse a spec that runs code which nobody allowed; nothing is imported or opened.

    Parameters
    ----------
    loaded : LoadedSpec
    policy : CodePolicy
    below : collection of paths, optional
        Parts of the spec that are used, as two keys each, such as `("artefacts", "stamp")`; all of it by default.

    Raises
    ------
    SpecError
        One located problem per field: what it would run, and how to allow that.
    """
    problems = Problems()
    for use in code_uses(loaded):
        if below is not None and use.path[:2] not in below:
            continue
        if not (policy.allows(use.module) if use.function else policy.everything):
            problems.add(loaded.locate(use.path), use.path, _refusal(use))
    problems.demand_none(loaded.path)


def _refusal(use: CodeUse) -> str:
    if use.file:
        return (
            f"loading {use.file!r}, an archive of torch.export, can run code that is pickled in it; code of a spec "
            "runs only when it is allowed: give --allow-code (in Python: allow_code=True) if you trust the file"
        )
    _, _, function = use.function.partition(":")
    return (
        f"runs {function!r} of the Python module {use.module!r}; code of a spec runs only when it is allowed: give "
        f"--allow-module {use.module}, or --allow-code for all code of the spec "
        f"(in Python: allow_modules=[{use.module!r}] or allow_code=True)"
    )
