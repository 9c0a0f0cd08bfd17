"""A spec drafted from a survey of a folder: what was found is filled in, and what was not is marked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from auditlens.data.survey import Survey
from auditlens.spec.include import library_entries
from auditlens.spec.schema import SCHEMA_LINE

BLANK: Final = "CHANGE-ME"
"""What stands where only the user knows; no model, file or number is called so, so that no draft runs unread."""
POSITIVE: Final = re.compile(
    "melanoma|malignan|cancer|positive|disease|abnormal|opacity|pneumo|tumou?r|^mel$|^1$", re.IGNORECASE
)
_TRUTHS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that one version of YAML or the other reads as something else than text."""
FEW_CLASSES: Final = 12
DOMAINS: Final = ("dermoscopy", "xray", "general")
CONCEPTS: Final = {"dermoscopy": "auditlens/concepts/abcde", "xray": "auditlens/concepts/xray_shortcuts"}


def draft(found: Survey, folder: Path) -> str:
    """Write a spec for the data of a survey.

    Parameters
    ----------
    found : Survey
    folder : Path
        Where the spec will stand; its paths are relative to it.
    """
    domain = _domain(found)
    sections = (
        _head(found),
        _include(domain),
        _audit(),
        _model(found, folder),
        _decision(found),
        _data(found, folder),
        _FOUNDATION,
        _concepts(found, domain),
        _artefacts(found, domain),
        _gates(found),
    )
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section))) + "\n"


def to_change(text: str) -> tuple[tuple[int, str], ...]:
    """List the lines of a draft that must be changed, with their numbers."""
    lines = enumerate(text.splitlines(), start=1)
    return tuple((n, line.strip()) for n, line in lines if BLANK in line.partition("#")[0])


def _domain(found: Survey) -> str:
    """Name the library of artefacts that shares the most names with the 0/1 columns."""
    shared = {name: len(set(_artefact_names(name)) & set(found.flags)) for name in DOMAINS}
    return max(DOMAINS, key=lambda name: (shared[name], name == "general"))


def _artefact_names(domain: str) -> tuple[str, ...]:
    return library_entries(f"auditlens/artefacts/{domain}", "artefacts")


def _head(found: Survey) -> Iterator[str]:
    yield SCHEMA_LINE
    yield "#"
    yield f"# Drafted by `auditlens init` from {found.n_images:,} images in {found.folder.name or found.folder}."
    yield f"# Change every {BLANK}, look at what is marked YOURS, and run `auditlens validate` on this file."
    yield "auditlens: 1"


def _include(domain: str) -> Iterator[str]:
    yield noted("include:", "YOURS: `auditlens concepts list` shows the libraries of concepts")
    if domain in CONCEPTS:
        yield f"  - {CONCEPTS[domain]}"
    others = ", ".join(f"auditlens/artefacts/{name}" for name in DOMAINS if name != domain)
    yield f"  - auditlens/artefacts/{domain}"
    yield f"  # other artefacts: {others}"


def _audit() -> Iterator[str]:
    yield "audit:"
    yield noted("  id: AUDIT-001", "YOURS: as your quality system numbers it")
    yield "  title: Shortcut audit"
    yield noted('  intended_use: ""', "YOURS: as the device's documentation states it")
    yield noted('  owner: ""', "YOURS: who answers for this file")


def _model(found: Survey, folder: Path) -> Iterator[str]:
    yield "model:"
    weights = BLANK if found.weights is None else word(_relative(found.weights, folder))
    if found.weights is not None and found.weights.suffix.lower() == ".onnx":
        yield f"  released: {{file: {weights}}}"
        yield "  # architecture: and weights: of its eager twin, if the inside is to be examined too"
    else:
        yield noted(f"  architecture: {BLANK}", '"timm:NAME", "torchvision:NAME", "python:my_module:build"')
        yield noted(f"  weights: {weights}", "safetensors file or state dict")
    yield noted("  preprocessing: {resize: 224}", "YOURS: size, mean and std exactly as in deployment")
    yield from _classes(found)


def _classes(found: Survey) -> Iterator[str]:
    names = [word(name) for name, _ in found.classes]
    order = "YOURS: the order of the model's outputs; here it is that of the alphabet"
    if not names:
        yield noted(f"  classes: {BLANK}", "[first, second], in the order of the model's outputs")
    elif len(names) <= FEW_CLASSES:
        yield noted(f"  classes: [{', '.join(names)}]", order)
    else:
        yield noted("  classes:", order + "; a text file with one name a line will do too")
        yield from (f"    - {name}" for name in names)


def _decision(found: Survey) -> Iterator[str]:
    if len(found.classes) != 2:
        yield "# The highest class wins. With an operating point: decision: {class: NAME, threshold: 0.5, source: ...}"
        return
    yield "# The operating point: the model says this class from this probability on. Without it the highest wins."
    yield f'decision: {{class: {word(_positive(found))}, threshold: {BLANK}, source: ""}}'


def _positive(found: Survey) -> str:
    names = [name for name, _ in found.classes]
    return next((name for name in names if POSITIVE.search(name)), names[-1])


def _data(found: Survey, folder: Path) -> Iterator[str]:
    yield "data:"
    if found.images is not None:
        yield f"  folder: {word(_relative(found.images, folder))}"
        yield "  # a table instead of folders can also name patients, masks and artefacts: manifest: test.csv"
        return
    yield from _table(found, folder)
    if found.strata:
        yield noted(
            f"  strata: {{by: [{', '.join(map(word, found.strata))}]}}", "every result is shown for each value too"
        )


def _table(found: Survey, folder: Path) -> Iterator[str]:
    assert found.table is not None
    assert found.image is not None
    yield f"  manifest: {word(_relative(found.table, folder))}"
    if found.root is not None:
        yield noted(f"  root: {word(_relative(found.root, folder))}", "folder that the table's paths are relative to")
    yield f"  image: {word(found.image)}"
    yield f"  label: {word(found.label)}" if found.label else noted(f"  label: {BLANK}", "column with the class")
    yield f"  unit: {word(found.unit)}" if found.unit else "  # unit: patient_id   YOURS: column with the patient"
    if found.mask:
        yield f"  mask: {word(found.mask)}"


_FOUNDATION: Final = (
    "# The inside needs a model that sees concepts; without one, behaviour alone is audited.",
    '# foundation: {model: "local-dir:FOLDER"}   # YOURS',
)


def _concepts(found: Survey, domain: str) -> Iterator[str]:
    """Flags that a library has words for get their column; the others become contested concepts."""
    if not found.flags:
        return
    known = set(library_entries(CONCEPTS[domain], "concepts")) if domain in CONCEPTS else set()
    yield noted("concepts:", "a 0/1 column shows what the foundation model can see")
    for name in found.flags:
        words = "" if name in known else f"group: unsorted, texts: [{word(name.replace('_', ' '))}], "
        yield f"  {key(name)}: {{{words}column: {word(name)}}}"
    if found.classes and set(found.flags) - known:
        yield ""
        yield noted("classes:", "YOURS: sort them into valid and spurious")
        yield f'  {word(_positive(found))}: {{contested: ["group:unsorted"]}}'


def _artefacts(found: Survey, domain: str) -> Iterator[str]:
    names = _artefact_names(domain)
    flagged = [name for name in names if name in found.flags]
    yield f"# Put into images: {', '.join(names)}."
    yield "# `column` says which images have the artefact already; `NAME: null` takes one out."
    if flagged:
        yield "artefacts:"
        yield from (f"  {name}: {{column: {word(name)}}}" for name in flagged)


def _gates(found: Survey) -> Iterator[str]:
    about = f", class: {word(_positive(found))}" if len(found.classes) > 2 else ""
    about = about if found.classes else f", class: {BLANK}"
    yield noted("gates:", "YOURS: limits, and where they come from, before the first run")
    yield f'  detects: {{metric: sensitivity{about}, limit: ">= 0.80", required_by: all}}'
    yield f'  spares: {{metric: specificity{about}, limit: ">= 0.80", required_by: all}}'
    yield f'  beyond_sham: {{metric: effect_minus_sham{about}, each: {{artefact: all}}, limit: "within 0.05"}}'
    if len(found.classes) == 2:
        (other,) = (name for name, _ in found.classes if name != _positive(found))
        direction = word(f"{_positive(found)}_to_{other}")
        yield f'  missed: {{metric: decision_flips, direction: {direction}, each: {{artefact: all}}, limit: "<= 0.05"}}'


def noted(line: str, note: str) -> str:
    """Put a comment behind a line, in one column where there is room."""
    return f"{line:<42} # {note}"


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def word(text: str) -> str:
    """Write a text as YAML: bare where it is safely read as text, else in quotes."""
    safe = re.fullmatch(r"(\.\.?/)*[A-Za-z][\w./-]*( [\w./-]+)*", text) and text.lower() not in _TRUTHS
    return text if safe else json.dumps(text, ensure_ascii=False)


def key(column: str) -> str:
    """Make a name of a spec from a column's."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", column)
    return name if name[:1].isalpha() else f"c_{name}"
