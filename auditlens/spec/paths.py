"""Where the paths that a spec names lead: relative to the spec, absolute, or into an installed package."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import Final, Literal

from auditlens.errors import InputError, SpecError

PACKAGE: Final = "package:"
LOCAL_FOLDER: Final = "local-dir:"
HUGGINGFACE: Final = "huggingface:"
PYTHON: Final = "python:"
OWN_CODE: Final = {
    "auditlens.testbed.models:small_cnn": "architecture",
    "auditlens.testbed.scenes:write_dermoscopy": "factory",
    "auditlens.testbed.radiographs:write_radiographs": "factory",
    "auditlens.testbed.animals:write_animals": "factory",
}
"""Functions of ours that a spec may always name, and in which field; any other code needs the caller's leave.

Not the whole package: among its functions are some that import what they are told to, or write where they are told to.
"""
HUB_ID: Final = re.compile(r"[\w.-]+/[\w.-]+@[\w./-]+")
ROOT: Final = Path(__file__).resolve().parents[1]

PREFIXES: Final = {"foundation": LOCAL_FOLDER, "network": HUGGINGFACE}
"""What a text begins with where its field may also hold something that is no path."""

Kind = Literal["file", "folder", "pictures", "image", "foundation", "network", "run", "written"]
Pattern = tuple[str, ...]

PATH_FIELDS: Final[dict[Pattern, Kind]] = {
    ("model", "architecture"): "network",
    ("model", "import_path"): "folder",
    ("model", "weights"): "file",
    ("model", "released", "file"): "file",
    ("model", "classes"): "file",
    ("model", "reference_predictions", "*", "image"): "image",
    ("data", "folder"): "folder",
    ("data", "manifest"): "file",
    ("data", "root"): "folder",
    ("data", "sets", "*", "folder"): "folder",
    ("data", "sets", "*", "manifest"): "file",
    ("data", "sets", "*", "root"): "folder",
    ("data", "forbidden_overlap", "with", "*"): "file",
    ("foundation", "model"): "foundation",
    ("opinions", "*", "model"): "foundation",
    ("concepts", "*", "images"): "folder",
    ("artefacts", "*", "images"): "pictures",
    ("artefacts", "*", "images", "*"): "pictures",
    ("artefacts", "*", "masks"): "folder",
    ("artefacts", "*", "clean_by", "masks"): "folder",
    ("artefacts", "*", "import_path"): "folder",
    ("artefacts", "*", "profiles"): "pictures",
    ("artefacts", "*", "profiles", "*"): "pictures",
    ("artefacts", "*", "examples"): "folder",
    ("artefacts", "*", "without"): "folder",
    ("artefacts", "*", "removal", "masks"): "folder",
    ("baselines", "*", "record"): "run",
    ("protocol", "lock"): "written",
    ("protocol", "looks"): "written",
    ("challenge", "separability", "images"): "folder",
    ("challenge", "separability", "images", "*"): "folder",
}
"""Every field of the spec that names a file or folder, `*` for any key or index.

What is `written` by the tool need not be there yet.
"""


def is_hub_id(text: str) -> bool:
    """Whether a text names a model of the Hugging Face hub: ORG/NAME@REVISION."""
    return HUB_ID.fullmatch(text) is not None


def resolve(text: str, base: Path) -> Path:
    """Turn a path as a spec writes it into a path on this machine.

    Parameters
    ----------
    text : str
        `package:NAME/PATH` for a file inside an installed package (which is not imported), `~/...`, an absolute
        path, or a path relative to `base`.
    base : Path
        Folder of the spec (`LoadedSpec.base`).

    Returns
    -------
    Path
        The path; whether anything is there is not checked.

    Raises
    ------
    SpecError
        Where the text is no path at all, or its package is not installed as a folder.
    """
    if "\0" in text or not text:
        raise SpecError(f"{text!r} is no path")
    if text.startswith(PACKAGE):
        return _in_package(text.removeprefix(PACKAGE))
    try:
        return base / Path(text).expanduser()
    except RuntimeError as error:  # no home directory of that name
        raise SpecError(f"cannot expand {text!r}: {error}") from error


def _in_package(text: str) -> Path:
    name, _, inside = text.partition("/")
    if not name.isidentifier() or not inside:
        raise SpecError(f"'{PACKAGE}{text}' is no package path; write '{PACKAGE}NAME/PATH'")
    found = importlib.util.find_spec(name)
    folders = list(found.submodule_search_locations or ()) if found else []
    if not folders:
        raise SpecError(f"the package {name!r} of '{PACKAGE}{text}' is not installed as a folder")
    candidates = [Path(folder) / inside for folder in folders]
    return next((path for path in candidates if path.exists()), candidates[0])


def share_folder(name: Literal["templates", "specs"]) -> Path:
    """Find the templates or the example specs, in an installed wheel as well as in a checkout.

    Raises
    ------
    InputError
        Where the installation lacks them.
    """
    for folder in (ROOT / "_share" / name, ROOT.parent / name):
        if folder.is_dir():
            return folder
    raise InputError(f"the folder {name!r} of auditlens is missing", hint="install auditlens again")


def rebased(text: str, *, written_in: Path, base: Path, kind: Kind) -> str:
    """Rewrite a relative path of an included file so that it means the same in the file that includes it.

    A reference image is beside that file only where its path says so (`./lesion.png`), else under the data's root.

    A path into auditlens itself becomes `package:auditlens/...`, so that no spec depends on where the tool is
    installed; others become relative to `base`.
    """
    prefix = PREFIXES.get(kind, "")
    inner = text.removeprefix(prefix)
    if not text.startswith(prefix) or (kind == "network" and is_hub_id(inner)):
        return text
    target = Path(os.path.normpath(written_in / inner))
    if inner.startswith((PACKAGE, "~")) or Path(inner).is_absolute():
        return text
    if kind == "image" and not inner.startswith(("./", "../")):
        return text  # beside the spec or under the data's root, whichever has it: no hash depends on what is here
    if target.is_relative_to(ROOT):
        return f"{prefix}{PACKAGE}auditlens/{target.relative_to(ROOT).as_posix()}"
    return prefix + Path(os.path.relpath(target, base)).as_posix()
